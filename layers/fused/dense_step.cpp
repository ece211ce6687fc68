// A dense layer as matrix products by BLIS, float32.
#include <algorithm>

#include "framework/base/gemm.h"
#include "framework/base/step_sums.h"
#include "framework/base/threads.h"
#include "framework/run/chain.h"
#include "layers/fused/code_sums.h"
#include "layers/fused/gradient_split.h"

namespace quantdyn {
namespace {

/// y [images, units] = x [images, in] weight + bias.
void multiply_images(const Linear<float>& linear, const float* x, int64_t images, float* y) {
  const int64_t in = linear.in_channels, units = linear.out_channels;
  const float* const bias = linear.bias->read();
  for (int64_t i = 0; i < images; ++i)
    if (bias)
      std::copy_n(bias, units, y + i * units);
    else
      std::fill_n(y + i * units, units, 0.0f);
  gemm(images, units, in, {x, in, 1}, {linear.weight->read(), units, 1}, {y, units, 1},
       Accumulate::yes);
}

/// A dense layer as a convolution over images of one pixel.
Convolution pixel_convolution(const Linear<float>& linear) {
  Convolution out;
  out.in_h = out.in_w = out.out_h = out.out_w = 1;
  out.in_c = linear.in_channels;
  out.out_c = linear.out_channels;
  return out;
}

class DenseEvaluation final : public EvaluationStep, public ParameterReader, public CodeMultiplier {
 public:
  DenseEvaluation(const Network& network, std::vector<int> nodes)
      : EvaluationStep(std::move(nodes)),
        linear_(*network.layer(this->nodes().front())->linear()),
        taps_(network.nodes()[this->nodes().front()].taps) {}

  ParameterReader* parameter_reader() override { return this; }
  void prepare() override {
    if (codes_) use(make_code_sums(pixel_convolution(linear_), *codes_, linear_.weight->read()));
  }
  CodeMultiplier* code_multiplier() override { return this; }
  bool take_codes(const ProductCodes& codes) override {
    auto sums = make_code_sums(pixel_convolution(linear_), codes, linear_.weight->read());
    if (!sums) return false;
    codes_ = codes;
    use(std::move(sums));
    return true;
  }
  std::optional<CodeGrid> input_grid() const override {
    return sums_ ? std::optional(sums_->input()) : std::nullopt;
  }
  bool prepare_output(const CodeTransform&) override { return false; }
  void codes_to_values(float*, int64_t) const override {}  // it writes none
  int64_t scratch_floats() const override {
    return code_scratch_floats(pixel_convolution(linear_), images_per_chunk);
  }

  void evaluate(std::span<const View<const float>> x, View<float> y, const UnitTaps& taps,
                const EvaluationChunk& chunk) const override {
    if (chunk.x_codes || (sums_ && sums_->read(x[0].data, chunk.images, chunk.scratch)))
      sums_->run({x[0].data, chunk.x_codes}, chunk.images, map_, y.data, chunk.scratch,
                 [](int64_t, int64_t) {});
    else
      multiply_images(linear_, x[0].data, y.shape[0], y.data);
    for (TapKind kind : taps_)
      visit(taps[static_cast<size_t>(kind)], y.data, chunk.images, linear_.out_channels, 0, chunk);
  }

 private:
  void use(std::unique_ptr<CodeSums> sums) {
    sums_ = std::move(sums);
    map_ = sums_->map(linear_.bias->read(), ends_of(FusedActivation::none));
  }

  const Linear<float>& linear_;
  const std::vector<TapKind> taps_;
  std::optional<ProductCodes> codes_;
  std::unique_ptr<CodeSums> sums_;  // null: products of values
  SumMap map_;
};

class DenseTraining final : public TrainingStep {
 public:
  DenseTraining(Network& network, std::vector<int> nodes)
      : TrainingStep(std::move(nodes)),
        linear_(*network.layer(this->nodes().front())->linear()),
        in_(linear_.in_channels),
        units_(linear_.out_channels) {}

  int64_t scratch_floats(int64_t images) const override {
    return worker_count() * own_floats(images);
  }

  void forward(std::span<const View<const float>> x, View<float> y, View<float>, float*) override {
    parallel_chunks(y.shape[0], [&](const Chunk& chunk) {
      multiply_images(linear_, x[0].slice(chunk.first, chunk.images).data, chunk.images,
                      y.slice(chunk.first, chunk.images).data);
    });
  }

  void backward(std::span<const View<const float>> x, View<const float>, View<float>,
                View<float> dy, std::span<const InputGradient> dx, float* scratch) override {
    const int64_t images = dy.shape[0];
    add_weight_gradient(x[0], dy, scratch);
    if (!linear_.bias->grad.empty()) add_bias_gradient(dy);
    if (!dx[0].to) return;
    parallel_chunks(images, [&](const Chunk& chunk) {
      gemm(chunk.images, in_, units_, {dy.slice(chunk.first, chunk.images).data, units_, 1},
           Matrix<const float>{linear_.weight->read(), units_, 1}.transposed(),
           {dx[0].to.slice(chunk.first, chunk.images).data, in_, 1}, dx[0].accumulate);
    });
  }

 private:
  static constexpr int64_t block = 64;  // inputs whose weights one worker sums

  static View<const float> part_of(View<const float> batch, int64_t part) {
    const int64_t first = part * images_per_share;
    return batch.slice(first, std::min(images_per_share, batch.shape[0] - first));
  }
  int64_t own_floats(int64_t images) const {
    return parts_held(share_count(images)) * block * units_;
  }
  /// Each worker sums some of the rows over all images, some at a time.
  void add_weight_gradient(View<const float> x, View<const float> dy, float* scratch) {
    const int64_t images = dy.shape[0];
    const auto add = [&](int64_t first_part, int64_t parts, float* total) {
      parallel_for((in_ + block - 1) / block, [&](int64_t index, int worker) {
        const int64_t first = index * block, count = std::min(block, in_ - first);
        sum_parts(parts, count * units_, scratch + worker * own_floats(images),
                  total + first * units_, [&](int64_t part, float* to) {
                    const View<const float> x_part = part_of(x, first_part + part);
                    const View<const float> dy_part = part_of(dy, first_part + part);
                    gemm(count, units_, dy_part.shape[0],
                         Matrix<const float>{x_part.data + first, in_, 1}.transposed(),
                         {dy_part.data, units_, 1}, {to, units_, 1}, Accumulate::yes);
                  });
      });
    };
    add_gradient_over_ranks(share_count(images), in_ * units_, images_per_share,
                            linear_.weight->grad.data(), add);
  }

  void add_bias_gradient(View<const float> dy) {
    const int64_t all = share_count(dy.shape[0]);
    std::vector<double> held(static_cast<size_t>(parts_held(all) * units_));
    std::vector<double> sums(static_cast<size_t>(units_));
    const auto add = [&](int64_t first_part, int64_t parts, double* total) {
      sum_parts(parts, units_, held.data(), total, [&](int64_t part, double* to) {
        const View<const float> dy_part = part_of(dy, first_part + part);
        for (int64_t i = 0; i < dy_part.shape[0]; ++i)
          for (int64_t k = 0; k < units_; ++k) to[k] += dy_part.data[i * units_ + k];
      });
    };
    add_over_ranks(all, units_, images_per_share, sums.data(), add);
    add_gradient(linear_.bias->grad, sums);
  }

  Linear<float>& linear_;
  const int64_t in_, units_;
};

std::vector<int> dense_chain(const Network& network, int first) {
  const Linear<float>* const linear = network.layer(first)->linear();
  if (linear == nullptr || network.layer(first)->convolution() != nullptr) return {};
  const Shape weight{linear->in_channels, linear->out_channels};
  if (linear->weight->master.shape() != weight ||
      network.nodes()[first].shape != Shape{linear->out_channels})
    return {};
  return {first};
}

std::unique_ptr<EvaluationStep> make_dense_evaluation(const Network& network,
                                                      std::vector<int> nodes,
                                                      ConvolutionAlgorithm) {
  return std::make_unique<DenseEvaluation>(network, std::move(nodes));
}

std::unique_ptr<TrainingStep> make_dense_training(Network& network, std::vector<int> nodes,
                                                  ConvolutionAlgorithm) {
  return std::make_unique<DenseTraining>(network, std::move(nodes));
}

const bool registered = (fused_chains().push_back({.nodes = dense_chain,
                                                   .evaluation = make_dense_evaluation,
                                                   .training = make_dense_training}),
                         true);

}  // namespace
}  // namespace quantdyn
