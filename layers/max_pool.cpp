#include <vector>

#include "framework/base/threads.h"
#include "framework/graph/layer.h"
#include "layers/checks.h"
#include "layers/pool_window.h"

namespace quantdyn {
namespace {

/// y [N,P,Q,C] = the largest x [N,H,W,C] under the window; padding never wins, a NaN always does.
///
/// The gradient goes to the first of equal values in row-major order.
template <typename T>
class MaxPool final : public Layer<T> {
 public:
  explicit MaxPool(const Options& options) : window_(read_pool_window(options)) {
    options.finish();
    window_.check(options);
  }

  Shape setup(std::span<const Shape> inputs) override {
    g_ = pool_over(window_, only_image(inputs, "max_pool"), "max_pool");
    return {g_.out_h, g_.out_w, g_.out_c};
  }

  void evaluate(std::span<const View<const T>> x, View<T> y) const override {
    visit_largest(x[0], 0, y.shape[0],
                  [&](int64_t in, int64_t out) { y.data[out] = x[0].data[in]; });
  }

  void backward(std::span<const View<const T>> x, View<const T>, View<const T> dy,
                std::span<const View<T>> dx) override {
    if (!dx[0]) return;
    parallel_chunks(dy.shape[0], [&](const Chunk& chunk) {
      visit_largest(x[0], chunk.first, chunk.images,
                    [&](int64_t in, int64_t out) { dx[0].data[in] += dy.data[out]; });
    });
  }

  std::optional<Pooling> pooling() const override { return Pooling{Pooling::Kind::max, g_, false}; }
  ChannelPassing passes() const override { return {.scale = true, .shift = true, .values = true}; }

 private:
  /// Calls visit for every window with the indices of its largest value and of its output.
  template <typename Visit>
  void visit_largest(View<const T> x, int64_t first, int64_t images, const Visit& visit) const {
    std::vector<int64_t> largest(static_cast<size_t>(g_.out_c));
    int64_t out = first * g_.out_h * g_.out_w * g_.out_c;
    for (int64_t image = first; image < first + images; ++image)
      for (int64_t row = 0; row < g_.out_h; ++row)
        for (int64_t column = 0; column < g_.out_w; ++column) {
          find_largest(x.data, image, row, column, largest);
          for (int64_t c = 0; c < g_.out_c; ++c) visit(largest[c], out++);
        }
  }

  void find_largest(const T* x, int64_t image, int64_t row, int64_t column,
                    std::span<int64_t> largest) const {
    bool is_first = true;
    visit_window(g_, row, column, [&](int64_t, int64_t pixel) {
      int64_t in = (image * g_.in_h * g_.in_w + pixel) * g_.in_c;
      for (int64_t& index : largest) {
        const bool holds_nan = !is_first && x[index] != x[index];
        if (is_first || (!holds_nan && !(x[in] <= x[index]))) index = in;
        ++in;
      }
      is_first = false;
    });
  }

  Window window_;
  Convolution g_;
};

const RegisteredLayer<MaxPool> max_pool{"max_pool", "largest value under a sliding window"};

}  // namespace
}  // namespace quantdyn
