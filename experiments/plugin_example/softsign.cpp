// Layer `softsign`: y = x / (scale + |x|). Bergstra et al. 2009, with scale = 1.
#include <quantdyn/layer.h>

#include <cmath>

namespace {

using namespace quantdyn;

/// Elementwise, any shape; NaN stays NaN.
template <typename T>
class Softsign final : public Layer<T> {
 public:
  explicit Softsign(const Options& options)
      : scale_(static_cast<T>(options.number("scale", 1.0, {.low = 0, .low_excluded = true},
                                             "the x whose y is a half"))) {
    options.finish();
  }

  Shape setup(std::span<const Shape> inputs) override { return only_input(inputs, "softsign"); }
  void evaluate(std::span<const View<const T>> x, View<T> y) const override {
    for (int64_t i = 0; i < y.elements(); ++i)
      y.data[i] = x[0].data[i] / (scale_ + std::abs(x[0].data[i]));
  }
  void backward(std::span<const View<const T>> x, View<const T>, View<const T> dy,
                std::span<const View<T>> dx) override {
    if (!dx[0]) return;
    for_each_element(dy, [&](int64_t i) {
      const T under = scale_ + std::abs(x[0].data[i]);
      dx[0].data[i] += dy.data[i] * scale_ / (under * under);
    });
  }

 private:
  T scale_;
};

const RegisteredLayer<Softsign> softsign{"softsign", "x / (scale + |x|)"};

}  // namespace
