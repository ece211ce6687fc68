#include <algorithm>

#include "framework/graph/layer.h"
#include "layers/checks.h"
#include "layers/elementwise.h"

namespace quantdyn {
namespace {

/// y [N,HWC] has the values of x [N,H,W,C] in the same order.
template <typename T>
class Flatten final : public Layer<T> {
 public:
  explicit Flatten(const Options& options) { options.finish(); }

  Shape setup(std::span<const Shape> inputs) override {
    return {only_input(inputs, "flatten").elements()};
  }
  void evaluate(std::span<const View<const T>> x, View<T> y) const override {
    std::copy_n(x[0].data, y.elements(), y.data);
  }
  void backward(std::span<const View<const T>>, View<const T>, View<const T> dy,
                std::span<const View<T>> dx) override {
    if (dx[0])
      for_each_element(dy, [from = dy.data, to = dx[0].data](int64_t i) { to[i] += from[i]; });
  }
  ChannelPassing passes() const override {
    return {.scale = true, .shift = true, .mean = true, .values = true, .order = true};
  }
};

const RegisteredLayer<Flatten> flatten{"flatten", "all values of an image on one axis"};

}  // namespace
}  // namespace quantdyn
