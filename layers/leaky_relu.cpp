#include "framework/graph/layer.h"
#include "layers/checks.h"
#include "layers/elementwise.h"

namespace quantdyn {
namespace {

/// y = x where x > 0, else slope x, elementwise; NaN stays NaN. The slope at 0 is `slope`.
/// Maas et al. 2013, section 3.
template <typename T>
class LeakyRelu final : public Layer<T> {
 public:
  explicit LeakyRelu(const Options& options)
      : slope_(static_cast<T>(options.number("slope", 0.01,
                                             {.low = 0, .high = 1, .low_excluded = true},
                                             "factor on values under 0"))) {
    options.finish();
  }

  Shape setup(std::span<const Shape> inputs) override { return only_input(inputs, "leaky_relu"); }
  void evaluate(std::span<const View<const T>> x, View<T> y) const override {
    for (int64_t i = 0; i < y.elements(); ++i) {
      const T value = x[0].data[i];
      y.data[i] = value > 0 ? value : slope_ * value;
    }
  }
  void backward(std::span<const View<const T>> x, View<const T>, View<const T> dy,
                std::span<const View<T>> dx) override {
    if (dx[0])
      for_each_element(dy, [in = x[0].data, from = dy.data, to = dx[0].data, this](int64_t i) {
        to[i] += in[i] > 0 ? from[i] : slope_ * from[i];
      });
  }
  std::optional<Activation> activation() const override {
    return Activation{
        .identity = {0, Activation::infinity}, .is_monotone = true, .is_homogeneous = true};
  }

 private:
  T slope_;
};

const RegisteredLayer<LeakyRelu> leaky_relu{"leaky_relu",
                                            "activation: x over 0, else x times a slope"};

}  // namespace
}  // namespace quantdyn
