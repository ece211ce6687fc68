#include <algorithm>

#include "framework/base/threads.h"
#include "framework/graph/layer.h"
#include "layers/checks.h"
#include "layers/pool_window.h"

namespace quantdyn {
namespace {

/// y [N,P,Q,C] = the mean of x [N,H,W,C] under the window.
template <typename T>
class AveragePool final : public Layer<T> {
 public:
  explicit AveragePool(const Options& options)
      : window_(read_pool_window(options)),
        count_padding_(
            options.flag("count_padding", false, "whether the mean counts padded zeros")) {
    options.finish();
    window_.check(options);
  }

  Shape setup(std::span<const Shape> inputs) override {
    g_ = pool_over(window_, only_image(inputs, "average_pool"), "average_pool");
    return {g_.out_h, g_.out_w, g_.out_c};
  }

  void evaluate(std::span<const View<const T>> x, View<T> y) const override {
    for (int64_t i = 0; i < y.shape[0] * g_.out_h * g_.out_w; ++i) {
      T* out = y.data + i * g_.out_c;
      const T values = count(i);
      std::fill_n(out, g_.out_c, T{});
      visit_inputs(i, [&](int64_t in) {
        for (int64_t c = 0; c < g_.in_c; ++c) out[c] += x[0].data[in + c];
      });
      for (int64_t c = 0; c < g_.out_c; ++c) out[c] /= values;
    }
  }

  void backward(std::span<const View<const T>>, View<const T>, View<const T> dy,
                std::span<const View<T>> dx) override {
    if (!dx[0]) return;
    const int64_t pixels = g_.out_h * g_.out_w;
    parallel_chunks(dy.shape[0], [&](const Chunk& chunk) {
      for (int64_t i = chunk.first * pixels; i < (chunk.first + chunk.images) * pixels; ++i) {
        const T* from = dy.data + i * g_.out_c;
        const T values = count(i);
        visit_inputs(i, [&](int64_t in) {
          for (int64_t c = 0; c < g_.in_c; ++c) dx[0].data[in + c] += from[c] / values;
        });
      }
    });
  }

  std::optional<Pooling> pooling() const override {
    return Pooling{Pooling::Kind::average, g_, count_padding_};
  }
  ChannelPassing passes() const override {
    const bool counts_zeros = count_padding_ && g_.has_padding();
    return {.scale = true, .shift = !counts_zeros, .mean = !counts_zeros};
  }

 private:
  /// Calls visit with the offset of every image pixel under the window of output pixel `i`, counted
  /// over the whole batch.
  template <typename Visit>
  void visit_inputs(int64_t i, const Visit& visit) const {
    const int64_t pixels = g_.out_h * g_.out_w, image = i / pixels, place = i % pixels;
    visit_window(g_, place / g_.out_w, place % g_.out_w, [&](int64_t, int64_t pixel) {
      visit((image * g_.in_h * g_.in_w + pixel) * g_.in_c);
    });
  }

  T count(int64_t i) const {
    if (count_padding_) return static_cast<T>(g_.kernel_h * g_.kernel_w);
    int64_t inside = 0;
    visit_inputs(i, [&](int64_t) { ++inside; });
    return static_cast<T>(inside);
  }

  Window window_;
  bool count_padding_;
  Convolution g_;
};

const RegisteredLayer<AveragePool> average_pool{"average_pool", "mean under a sliding window"};

}  // namespace
}  // namespace quantdyn
