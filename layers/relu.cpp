#include "framework/graph/layer.h"
#include "layers/checks.h"
#include "layers/elementwise.h"

namespace quantdyn {
namespace {

/// y = max(x, 0), elementwise; NaN stays NaN. The slope at 0 is 0.
template <typename T>
class Relu final : public Layer<T> {
 public:
  explicit Relu(const Options& options) { options.finish(); }

  Shape setup(std::span<const Shape> inputs) override { return only_input(inputs, "relu"); }
  void evaluate(std::span<const View<const T>> x, View<T> y) const override {
    for (int64_t i = 0; i < y.elements(); ++i) y.data[i] = x[0].data[i] <= 0 ? 0 : x[0].data[i];
  }
  void backward(std::span<const View<const T>> x, View<const T>, View<const T> dy,
                std::span<const View<T>> dx) override {
    if (dx[0])
      for_each_element(dy, [in = x[0].data, from = dy.data, to = dx[0].data](int64_t i) {
        to[i] += in[i] <= 0 ? 0 : from[i];
      });
  }
  std::optional<Activation> activation() const override {
    return clip_to(ends_of(FusedActivation::relu));
  }
};

const RegisteredLayer<Relu> relu{"relu", "activation: the larger of x and 0"};

}  // namespace
}  // namespace quantdyn
