#include <algorithm>

#include "framework/graph/layer.h"
#include "layers/elementwise.h"

namespace quantdyn {
namespace {

/// y = the sum of two or more x of one shape, added in the order of the inputs.
template <typename T>
class Add final : public Layer<T> {
 public:
  explicit Add(const Options& options) { options.finish(); }

  Shape setup(std::span<const Shape> inputs) override {
    if (inputs.size() < 2) throw_error("add: found {} inputs, expected two or more", inputs.size());
    for (const Shape& input : inputs)
      if (!(input == inputs[0]))
        throw_error("add: found inputs of shapes {} and {}, expected the same shape",
                    inputs[0].text(), input.text());
    return inputs[0];
  }
  void evaluate(std::span<const View<const T>> x, View<T> y) const override {
    std::copy_n(x[0].data, y.elements(), y.data);
    for (const View<const T>& input : x.subspan(1))
      for (int64_t i = 0; i < y.elements(); ++i) y.data[i] += input.data[i];
  }
  void backward(std::span<const View<const T>>, View<const T>, View<const T> dy,
                std::span<const View<T>> dx) override {
    for (const View<T>& wanted : dx)
      if (wanted)
        for_each_element(dy, [from = dy.data, to = wanted.data](int64_t i) { to[i] += from[i]; });
  }
  bool is_sum() const override { return true; }
};

const RegisteredLayer<Add> add{"add", "sum of two or more inputs: the end of a residual block"};

}  // namespace
}  // namespace quantdyn
