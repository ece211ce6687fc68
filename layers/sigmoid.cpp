#include <cmath>

#include "framework/graph/layer.h"
#include "layers/checks.h"
#include "layers/elementwise.h"

namespace quantdyn {
namespace {

/// y = 1 / (1 + exp(-x)), elementwise; NaN stays NaN.
template <typename T>
class Sigmoid final : public Layer<T> {
 public:
  explicit Sigmoid(const Options& options) { options.finish(); }

  Shape setup(std::span<const Shape> inputs) override { return only_input(inputs, "sigmoid"); }
  void evaluate(std::span<const View<const T>> x, View<T> y) const override {
    for (int64_t i = 0; i < y.elements(); ++i) y.data[i] = 1 / (1 + std::exp(-x[0].data[i]));
  }
  void backward(std::span<const View<const T>>, View<const T> y, View<const T> dy,
                std::span<const View<T>> dx) override {
    if (dx[0])
      for_each_element(dy, [out = y.data, from = dy.data, to = dx[0].data](int64_t i) {
        to[i] += from[i] * out[i] * (1 - out[i]);
      });
  }
  std::optional<Activation> activation() const override {
    return Activation{.values = {0, 1}, .is_monotone = true};
  }
};

const RegisteredLayer<Sigmoid> sigmoid{"sigmoid", "activation: 1 / (1 + exp(-x))"};

}  // namespace
}  // namespace quantdyn
