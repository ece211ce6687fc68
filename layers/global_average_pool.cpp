#include <algorithm>

#include "framework/base/threads.h"
#include "framework/graph/layer.h"
#include "layers/checks.h"

namespace quantdyn {
namespace {

/// y [N,C] = the mean of x [N,H,W,C] over rows and columns.
template <typename T>
class GlobalAveragePool final : public Layer<T> {
 public:
  explicit GlobalAveragePool(const Options& options) { options.finish(); }

  Shape setup(std::span<const Shape> inputs) override {
    const Shape& input = only_image(inputs, "global_average_pool");
    g_.in_h = g_.kernel_h = g_.stride_h = input[0];
    g_.in_w = g_.kernel_w = g_.stride_w = input[1];
    g_.in_c = g_.out_c = g_.groups = input[2];
    g_.out_h = g_.out_w = 1;
    return {input.channels()};
  }
  void evaluate(std::span<const View<const T>> x, View<T> y) const override {
    const int64_t pixels = x[0].shape.of_one().rows(), channels = y.shape.channels();
    const T* in = x[0].data;
    for (int64_t image = 0; image < y.shape[0]; ++image) {
      T* out = y.data + image * channels;
      std::fill_n(out, channels, T{});
      for (int64_t pixel = 0; pixel < pixels; ++pixel, in += channels)
        for (int64_t c = 0; c < channels; ++c) out[c] += in[c];
      for (int64_t c = 0; c < channels; ++c) out[c] /= static_cast<T>(pixels);
    }
  }
  void backward(std::span<const View<const T>>, View<const T>, View<const T> dy,
                std::span<const View<T>> dx) override {
    if (!dx[0]) return;
    const int64_t pixels = dx[0].shape.of_one().rows(), channels = dy.shape.channels();
    parallel_chunks(dy.shape[0], [&](const Chunk& chunk) {
      T* to = dx[0].data + chunk.first * pixels * channels;
      for (int64_t image = chunk.first; image < chunk.first + chunk.images; ++image)
        for (int64_t pixel = 0; pixel < pixels; ++pixel, to += channels)
          for (int64_t c = 0; c < channels; ++c)
            to[c] += dy.data[image * channels + c] / static_cast<T>(pixels);
    });
  }
  std::optional<Pooling> pooling() const override {
    return Pooling{Pooling::Kind::average, g_, false};
  }
  ChannelPassing passes() const override { return {.scale = true, .shift = true, .mean = true}; }

 private:
  Convolution g_;
};

const RegisteredLayer<GlobalAveragePool> global_average_pool{
    "global_average_pool", "mean of every channel over the whole image"};

}  // namespace
}  // namespace quantdyn
