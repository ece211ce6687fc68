// A dense layer as matrix products by BLIS, float32.
#include <algorithm>

#include "framework/base/gemm.h"
#include "framework/base/threads.h"
#include "framework/run/step.h"

namespace quantdyn {
namespace {

class DenseStep final : public Step {
 public:
  DenseStep(const Network& network, int node)
      : Step({node}),
        linear_(*network.layer(node)->linear()),
        taps_(network.nodes()[node].taps),
        in_(linear_.in_channels),
        units_(linear_.out_channels) {}

  void evaluate(std::span<const View<const float>> x, View<float> y, const UnitTaps& taps,
                const EvaluationChunk& chunk) const override {
    multiply_images(x[0].data, y.shape[0], y.data);
    for (TapKind kind : taps_)
      visit(taps[static_cast<size_t>(kind)], y.data, chunk.images, units_, 0, chunk);
  }

  void forward(std::span<const View<const float>> x, View<float> y, View<float>, float*) override {
    parallel_chunks(y.shape[0], [&](const Chunk& chunk) {
      multiply_images(x[0].slice(chunk.first, chunk.images).data, chunk.images,
                      y.slice(chunk.first, chunk.images).data);
    });
  }

  void backward(std::span<const View<const float>> x, View<const float>, View<float>,
                View<float> dy, std::span<const InputGradient> dx, float*) override {
    const int64_t images = dy.shape[0];
    constexpr int64_t block = 64;  // inputs whose weights one worker sums
    parallel_for((in_ + block - 1) / block, [&](int64_t index, int) {
      const int64_t first = index * block;
      gemm(std::min(block, in_ - first), units_, images,
           Matrix<const float>{x[0].data + first, in_, 1}.transposed(), {dy.data, units_, 1},
           {linear_.weight->grad.data() + first * units_, units_, 1}, Accumulate::yes);
    });
    if (!linear_.bias->grad.empty())
      for (int64_t k = 0; k < units_; ++k) {
        double sum = 0;
        for (int64_t i = 0; i < images; ++i) sum += dy.data[i * units_ + k];
        linear_.bias->grad[k] += static_cast<float>(sum);
      }
    if (!dx[0].to) return;
    parallel_chunks(images, [&](const Chunk& chunk) {
      gemm(chunk.images, in_, units_, {dy.slice(chunk.first, chunk.images).data, units_, 1},
           Matrix<const float>{linear_.weight->read(), units_, 1}.transposed(),
           {dx[0].to.slice(chunk.first, chunk.images).data, in_, 1}, dx[0].accumulate);
    });
  }

 private:
  /// y [images, units] = x [images, in] weight + bias.
  void multiply_images(const float* x, int64_t images, float* y) const {
    const float* const bias = linear_.bias->read();
    for (int64_t i = 0; i < images; ++i)
      if (bias)
        std::copy_n(bias, units_, y + i * units_);
      else
        std::fill_n(y + i * units_, units_, 0.0f);
    gemm(images, units_, in_, {x, in_, 1}, {linear_.weight->read(), units_, 1}, {y, units_, 1},
         Accumulate::yes);
  }

  const Linear<float>& linear_;
  const std::vector<TapKind> taps_;
  const int64_t in_, units_;
};

std::unique_ptr<Step> make_dense_step(const Network& network, int node, ConvolutionAlgorithm) {
  if (network.nodes()[node].kind != "dense") return nullptr;
  return std::make_unique<DenseStep>(network, node);
}

const bool registered = (step_makers().push_back(make_dense_step), true);

}  // namespace
}  // namespace quantdyn
