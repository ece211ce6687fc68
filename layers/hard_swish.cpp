#include "framework/graph/layer.h"
#include "layers/checks.h"
#include "layers/elementwise.h"

namespace quantdyn {
namespace {

/// y = x relu6(x + 3) / 6, elementwise; NaN stays NaN. The slope at -3 is 0, at 3 it is 1.
/// Howard et al. 2019 (arXiv 1905.02244), section 5.2.
template <typename T>
class HardSwish final : public Layer<T> {
 public:
  explicit HardSwish(const Options& options) { options.finish(); }

  Shape setup(std::span<const Shape> inputs) override { return only_input(inputs, "hard_swish"); }
  void evaluate(std::span<const View<const T>> x, View<T> y) const override {
    for (int64_t i = 0; i < y.elements(); ++i) {
      const T value = x[0].data[i];
      y.data[i] = value <= -3 ? 0 : value >= 3 ? value : value * (value + 3) / 6;
    }
  }
  void backward(std::span<const View<const T>> x, View<const T>, View<const T> dy,
                std::span<const View<T>> dx) override {
    if (dx[0])
      for_each_element(dy, [in = x[0].data, from = dy.data, to = dx[0].data](int64_t i) {
        const T slope = in[i] <= -3 ? 0 : in[i] >= 3 ? 1 : (2 * in[i] + 3) / 6;
        to[i] += slope * from[i];
      });
  }
  std::optional<Activation> activation() const override {
    constexpr float infinity = Activation::infinity;
    return Activation{.values = {-0.375f, infinity}, .identity = {3, infinity}};  // lowest at -1.5
  }
};

const RegisteredLayer<HardSwish> hard_swish{"hard_swish", "activation: x relu6(x + 3) / 6"};

}  // namespace
}  // namespace quantdyn
