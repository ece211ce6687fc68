// The fused chain conv (+ batch norm) (+ activation), float32.
#include <algorithm>
#include <cmath>

#include "framework/step.h"
#include "framework/threads.h"
#include "layers/fused/convolution_kernel.h"
#include "layers/fused/rows.h"

namespace quantdyn {
namespace {

/// Two sums a channel, in double, of one chunk or several.
struct ChannelSums {
  std::vector<double> first, second;

  explicit ChannelSums(int64_t channels) : first(channels), second(channels) {}
};

void merge_sums(ChannelSums& left, ChannelSums&& right) {
  for (size_t c = 0; c < left.first.size(); ++c) {
    left.first[c] += right.first[c];
    left.second[c] += right.second[c];
  }
}

void merge_gradients(Tensor<float>& left, Tensor<float>&& right) {
  for (int64_t i = 0; i < left.elements(); ++i) left[i] += right[i];
}

/// One tree a worker, joined at the end: the same bits for any number of workers.
template <typename Part, typename Merge>
Part join(std::vector<ChunkTree<Part>>& trees, const Merge& merge) {
  for (size_t i = 1; i < trees.size(); ++i) trees[0].absorb(std::move(trees[i]), merge);
  return trees[0].finish(merge);
}

/// Below this many channels Winograd's transforms cost more than its products save.
constexpr int64_t fewest_winograd_channels = 16;

std::unique_ptr<ConvolutionKernel> make_kernel(const Convolution& convolution,
                                               ConvolutionAlgorithm algorithm) {
  if (convolution.is_depthwise()) return make_depthwise_convolution(convolution);
  const bool pays = std::min(convolution.in_c, convolution.out_c) >= fewest_winograd_channels;
  const bool wanted = algorithm == ConvolutionAlgorithm::winograd ||
                      (algorithm == ConvolutionAlgorithm::automatic && pays);
  return wanted && takes_winograd(convolution) ? make_winograd_convolution(convolution)
                                               : make_direct_convolution(convolution);
}

class ConvolutionStep final : public Step {
 public:
  ConvolutionStep(std::vector<int> nodes, const Network& network, Activation activation,
                  ConvolutionAlgorithm algorithm)
      : Step(std::move(nodes)),
        linear_(*network.layer(this->nodes().front())->linear()),
        norm_(network.layer(this->nodes()[this->nodes().size() > 1 ? 1 : 0])->channel_affine()),
        activation_(activation),
        kernel_(make_kernel(*network.layer(this->nodes().front())->convolution(), algorithm)),
        channels_(kernel_->conv.out_c),
        ones_(channels_, 1.0f),
        scale_(channels_, 1.0f),
        shift_(channels_, 0.0f),
        batch_mean_(channels_, 0.0f),
        inverse_deviation_(channels_, 1.0f) {
    scratch_.resize(static_cast<size_t>(worker_count()));
    for (auto& scratch : scratch_)
      scratch = Tensor<float>(Shape{std::max<int64_t>(1, kernel_->scratch_floats())});
  }

  void prepare() override {
    kernel_->prepare_forward(linear_.weight->read());
    for (int64_t k = 0; k < channels_; ++k) {
      const double bias = linear_.bias->read() ? linear_.bias->read()[k] : 0;
      scale_[k] = 1;
      shift_[k] = static_cast<float>(bias);
      if (norm_ == nullptr) continue;
      const double scale =
          norm_->gamma->read()[k] / std::sqrt(norm_->variance->read()[k] + norm_->epsilon);
      scale_[k] = static_cast<float>(scale);
      shift_[k] =
          static_cast<float>(norm_->beta->read()[k] + scale * (bias - norm_->mean->read()[k]));
    }
  }

  void evaluate(std::span<const View<const float>> x, View<float> y, const UnitTaps& taps,
                const EvaluationChunk& chunk) const override {
    const int64_t valid = y.shape.of_one().rows() * chunk.images;
    const bool is_bare = std::ranges::all_of(taps, [](const Tap& tap) { return tap.empty(); });
    kernel_->forward(x[0].data, images_per_chunk, y.data, chunk.scratch,
                     [&](int64_t first, int64_t rows) {
                       if (is_bare)
                         activate(y.data + first * channels_, rows);
                       else
                         finish_rows(y.data, first, rows, valid, taps, chunk);
                     });
  }
  int64_t scratch_floats() const override { return kernel_->scratch_floats(); }

  void forward(std::span<const View<const float>> x, View<float> y, View<float> saved) override {
    if (norm_ == nullptr) {
      prepare();
      parallel_chunks(y.shape[0], [&](const Chunk& chunk) {
        float* const to = y.slice(chunk.first, chunk.images).data;
        kernel_->forward(x[0].slice(chunk.first, chunk.images).data, chunk.images, to,
                         scratch_[chunk.worker].data(), [&](int64_t first, int64_t rows) {
                           activate(to + first * channels_, rows);
                         });
      });
      return;
    }
    take_batch_statistics(convolve_and_sum(x[0], saved), y.shape.rows());
    parallel_chunks(y.shape[0], [&](const Chunk& chunk) {
      affine_activation(saved.slice(chunk.first, chunk.images).data,
                        y.slice(chunk.first, chunk.images).data,
                        y.shape.of_one().rows() * chunk.images, channels_, scale_.data(),
                        shift_.data(), activation_);
    });
  }
  int64_t saved_floats() const override {
    return norm_ ? kernel_->conv.out_h * kernel_->conv.out_w * channels_ : 0;
  }

  void backward(std::span<const View<const float>> x, View<const float> y, View<float> saved,
                View<float> dy, std::span<const InputGradient> dx) override {
    if (norm_)
      backward_through_norm(saved, dy);
    else
      backward_through_activation(y, dy);
    if (dx[0].to) kernel_->prepare_backward(linear_.weight->read());
    std::vector<ChunkTree<Tensor<float>>> trees(static_cast<size_t>(worker_count()));
    parallel_chunks(y.shape[0], [&](const Chunk& chunk) {
      const float* const dz = dy.slice(chunk.first, chunk.images).data;
      if (norm_)
        norm_gradient(saved.slice(chunk.first, chunk.images).data,
                      dy.slice(chunk.first, chunk.images).data,
                      y.shape.of_one().rows() * chunk.images, channels_, scale_.data(),
                      shift_.data(), of_z_.data(), constant_.data(), activation_);
      Tensor<float> part(linear_.weight->master.shape());
      float* const scratch = scratch_[chunk.worker].data();
      kernel_->backward_weights(x[0].slice(chunk.first, chunk.images).data, dz, chunk.images,
                                part.data(), scratch);
      trees[chunk.worker].add(chunk.index, std::move(part), merge_gradients);
      if (dx[0].to)
        kernel_->backward_data(dz, chunk.images, dx[0].to.slice(chunk.first, chunk.images).data,
                               dx[0].accumulate, scratch);
    });
    merge_gradients(linear_.weight->grad, join(trees, merge_gradients));
  }

 private:
  void activate(float* y, int64_t rows) const {
    affine_activation(y, y, rows, channels_, scale_.data(), shift_.data(), activation_);
  }

  /// Conv, norm and output while the rows are in the cache; rows of padding images end unseen.
  void finish_rows(float* y, int64_t first, int64_t rows, int64_t valid, const UnitTaps& taps,
                   const EvaluationChunk& chunk) const {
    const Tap& conv_tap = taps[static_cast<size_t>(TapKind::conv)];
    const Tap& norm_tap = taps[static_cast<size_t>(TapKind::norm)];
    const Tap& output_tap = taps[static_cast<size_t>(TapKind::output)];
    const int64_t tile = rows_per_tile(channels_);
    for (int64_t row = first; row < first + rows; row += tile) {
      float* const at = y + row * channels_;
      const int64_t count = std::min(tile, first + rows - row);
      const int64_t seen = std::clamp<int64_t>(valid - row, 0, count);
      if (norm_) visit(conv_tap, at, seen, channels_, row, chunk);
      affine_activation(at, at, count, channels_, scale_.data(), shift_.data(), Activation::none);
      visit(norm_tap, at, seen, channels_, row, chunk);
      affine_activation(at, at, count, channels_, ones_.data(), zeros(), activation_);
      visit(output_tap, at, seen, channels_, row, chunk);
    }
  }
  const float* zeros() const { return zeros_.data(); }

  /// z = conv x (its bias is left to the norm's shift: a constant moves only the mean), with
  /// shifted sums.
  ChannelSums convolve_and_sum(View<const float> x, View<float> z) {
    std::copy_n(norm_->mean->read(), channels_, batch_mean_.data());
    const float* const about = batch_mean_.data();
    kernel_->prepare_forward(linear_.weight->read());
    std::vector<ChunkTree<ChannelSums>> trees(static_cast<size_t>(worker_count()));
    parallel_chunks(x.shape[0], [&](const Chunk& chunk) {
      ChannelSums sums(channels_);
      float* const to = z.slice(chunk.first, chunk.images).data;
      kernel_->forward(x.slice(chunk.first, chunk.images).data, chunk.images, to,
                       scratch_[chunk.worker].data(), [&](int64_t first, int64_t rows) {
                         add_shifted_sums(to + first * channels_, rows, channels_, about,
                                          sums.first.data(), sums.second.data());
                       });
      trees[chunk.worker].add(chunk.index, std::move(sums), merge_sums);
    });
    return join(trees, merge_sums);
  }

  /// Batch mean and variance from sums about the running mean; sets the norm's scale and shift and
  /// moves the running statistics (Ioffe and Szegedy 2015, algorithm 1; unbiased running variance).
  void take_batch_statistics(const ChannelSums& sums, int64_t n) {
    if (n < 2) fail("batch norm in training needs at least 2 values a channel, found {}", n);
    const double count = static_cast<double>(n), momentum = norm_->momentum;
    for (int64_t k = 0; k < channels_; ++k) {
      const double offset = sums.first[k] / count;
      const double mean = batch_mean_[k] + offset;
      const double variance = std::max(sums.second[k] / count - offset * offset, 0.0);
      const double inverse = 1 / std::sqrt(variance + norm_->epsilon);
      const double scale = norm_->gamma->read()[k] * inverse;
      batch_mean_[k] = static_cast<float>(mean);
      inverse_deviation_[k] = static_cast<float>(inverse);
      scale_[k] = static_cast<float>(scale);
      shift_[k] = static_cast<float>(norm_->beta->read()[k] - scale * mean);
      const double bias = linear_.bias->read() ? linear_.bias->read()[k] : 0;
      move_running(norm_->mean->master[k], mean + bias, momentum);
      move_running(norm_->variance->master[k], variance * count / (count - 1), momentum);
    }
  }
  static void move_running(float& running, double batch, double momentum) {
    running = static_cast<float>((1 - momentum) * running + momentum * batch);
  }

  /// Finds the coefficients of dz = scale g + of_z z + constant, g the gradient behind the
  /// activation: dz = scale (g - mean g - (z - mean) inverse^2 mean(g (z - mean))).
  void backward_through_norm(View<const float> z, View<const float> dy) {
    std::vector<ChunkTree<ChannelSums>> trees(static_cast<size_t>(worker_count()));
    parallel_chunks(dy.shape[0], [&](const Chunk& chunk) {
      ChannelSums sums(channels_);
      sum_masked(z.slice(chunk.first, chunk.images).data, dy.slice(chunk.first, chunk.images).data,
                 dy.shape.of_one().rows() * chunk.images, channels_, scale_.data(), shift_.data(),
                 batch_mean_.data(), activation_, sums.first.data(), sums.second.data());
      trees[chunk.worker].add(chunk.index, std::move(sums), merge_sums);
    });
    const ChannelSums sums = join(trees, merge_sums);
    const double n = static_cast<double>(dy.shape.rows());
    of_z_.resize(static_cast<size_t>(channels_));
    constant_.resize(static_cast<size_t>(channels_));
    for (int64_t k = 0; k < channels_; ++k) {
      const double inverse = inverse_deviation_[k];
      norm_->beta->grad[k] += static_cast<float>(sums.first[k]);
      norm_->gamma->grad[k] += static_cast<float>(sums.second[k] * inverse);
      const double of_z = -scale_[k] * inverse * inverse * sums.second[k] / n;
      of_z_[k] = static_cast<float>(of_z);
      constant_[k] = static_cast<float>(-scale_[k] * sums.first[k] / n - of_z * batch_mean_[k]);
    }
  }

  void backward_through_activation(View<const float> y, View<float> dy) {
    std::vector<ChunkTree<ChannelSums>> trees(static_cast<size_t>(worker_count()));
    parallel_chunks(dy.shape[0], [&](const Chunk& chunk) {
      ChannelSums sums(channels_);
      mask_by_output(
          y.slice(chunk.first, chunk.images).data, dy.slice(chunk.first, chunk.images).data,
          dy.shape.of_one().rows() * chunk.images, channels_, activation_, sums.first.data());
      trees[chunk.worker].add(chunk.index, std::move(sums), merge_sums);
    });
    const ChannelSums sums = join(trees, merge_sums);
    if (linear_.bias->grad.empty()) return;
    for (int64_t k = 0; k < channels_; ++k)
      linear_.bias->grad[k] += static_cast<float>(sums.first[k]);
  }

  const Linear<float>& linear_;
  const ChannelAffine<float>* norm_;
  const Activation activation_;
  std::unique_ptr<ConvolutionKernel> kernel_;
  const int64_t channels_;
  std::vector<float> ones_, zeros_ = std::vector<float>(ones_.size(), 0.0f);
  std::vector<float> scale_, shift_;  // of norm or bias
  std::vector<float> batch_mean_, inverse_deviation_;
  std::vector<float> of_z_, constant_;
  std::vector<Tensor<float>> scratch_;  // by worker, for training
};

/// The chain that starts at a convolution; the unit says what belongs to it.
std::unique_ptr<Step> make_convolution_step(const Network& network, int node,
                                            ConvolutionAlgorithm algorithm) {
  const Unit& unit = network.units()[network.nodes()[node].unit];
  if (unit.leader != node || network.layer(node)->convolution() == nullptr ||
      network.layer(node)->linear() == nullptr)
    return nullptr;
  std::vector<int> nodes{node};
  if (unit.norm >= 0) nodes.push_back(unit.norm);
  Activation activation = Activation::none;
  if (unit.activation >= 0) {
    const std::string& kind = network.nodes()[unit.activation].kind;
    if (kind == "relu" || kind == "relu6") {
      activation = kind == "relu" ? Activation::relu : Activation::relu6;
      nodes.push_back(unit.activation);
    }
  }
  return std::make_unique<ConvolutionStep>(std::move(nodes), network, activation, algorithm);
}

const bool registered = (step_makers().push_back(make_convolution_step), true);

}  // namespace
}  // namespace quantdyn
