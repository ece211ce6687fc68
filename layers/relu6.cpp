#include "framework/graph/layer.h"
#include "layers/checks.h"
#include "layers/elementwise.h"

namespace quantdyn {
namespace {

/// y = min(max(x, 0), 6), elementwise; NaN stays NaN. The slope at 0 and at 6 is 0.
template <typename T>
class Relu6 final : public Layer<T> {
 public:
  explicit Relu6(const Options& options) { options.finish(); }

  Shape setup(std::span<const Shape> inputs) override { return only_input(inputs, "relu6"); }
  void evaluate(std::span<const View<const T>> x, View<T> y) const override {
    for (int64_t i = 0; i < y.elements(); ++i) {
      const T value = x[0].data[i];
      y.data[i] = value <= 0 ? 0 : value >= 6 ? 6 : value;
    }
  }
  void backward(std::span<const View<const T>> x, View<const T>, View<const T> dy,
                std::span<const View<T>> dx) override {
    if (dx[0])
      for_each_element(dy, [in = x[0].data, from = dy.data, to = dx[0].data](int64_t i) {
        to[i] += in[i] <= 0 || in[i] >= 6 ? 0 : from[i];
      });
  }
  std::optional<Activation> activation() const override {
    return clip_to(ends_of(FusedActivation::relu6));
  }
};

const RegisteredLayer<Relu6> relu6{"relu6", "activation: x limited to 0 ... 6"};

}  // namespace
}  // namespace quantdyn
