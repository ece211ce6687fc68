#include <utility>

#include "framework/base/threads.h"
#include "framework/graph/layer.h"

namespace quantdyn {
namespace {

/// y = a b, elementwise, of two inputs of one shape; or [N,H,W,C] times [N,C] (or [N,1,1,C], in
/// either order), which multiplies every pixel by the same C factors: the end of a squeeze and
/// excitation block (Hu et al. 2018, arXiv 1709.01507, equation 4).
template <typename T>
class Multiply final : public Layer<T> {
 public:
  explicit Multiply(const Options &options) { options.finish(); }

  Shape setup(std::span<const Shape> inputs) override {
    if (inputs.size() != 2) throw_error("multiply: found {} inputs, expected two", inputs.size());
    const auto size = [](const Shape &shape) { return std::pair(shape.elements(), shape.rank()); };
    factors_ = size(inputs[0]) < size(inputs[1]) ? 0 : 1;  // [C] is the factor of [1,1,C]
    const Shape &values = inputs[1 - factors_], &factors = inputs[factors_];
    by_channel_ = factors.rows() == 1 && factors.channels() == values.channels();
    if (!by_channel_ && factors != values)
      throw_error(
          "multiply: found inputs of shapes {} and {}, expected the same shape, or [height, width, "
          "channels] and [channels]",
          inputs[0].text(), inputs[1].text());
    return values;
  }
  void evaluate(std::span<const View<const T>> x, View<T> y) const override {
    const T *const values = x[1 - factors_].data, *const factors = x[factors_].data;
    visit(y.shape, 0, y.shape[0],
          [&](int64_t i, int64_t factor) { y.data[i] = values[i] * factors[factor]; });
  }
  void backward(std::span<const View<const T>> x, View<const T>, View<const T> dy,
                std::span<const View<T>> dx) override {
    const T *const values = x[1 - factors_].data, *const factors = x[factors_].data;
    const View<T> &of_values = dx[1 - factors_], &of_factors = dx[factors_];
    parallel_chunks(dy.shape[0], [&](const Chunk &chunk) {
      if (of_values)
        visit(dy.shape, chunk.first, chunk.images, [&](int64_t i, int64_t factor) {
          of_values.data[i] += dy.data[i] * factors[factor];
        });
      if (of_factors)  // an image's pixels, in order
        visit(dy.shape, chunk.first, chunk.images, [&](int64_t i, int64_t factor) {
          of_factors.data[factor] += dy.data[i] * values[i];
        });
    });
  }

 private:
  /// Calls work(value, factor) for some images of a batch [N,...].
  template <typename Work>
  void visit(const Shape &batch, int64_t first, int64_t images, const Work &work) const {
    const int64_t rows = batch.of_one().rows(), channels = batch.channels();
    int64_t i = first * rows * channels;
    for (int64_t image = first; image < first + images; ++image)
      for (int64_t row = 0; row < rows; ++row)
        for (int64_t c = 0; c < channels; ++c, ++i) work(i, by_channel_ ? image * channels + c : i);
  }

  size_t factors_ = 1;  // index of the input with the factors
  bool by_channel_ = false;
};

const RegisteredLayer<Multiply> multiply{
    "multiply", "product of two inputs of one shape, or of an image and a factor per channel"};

}  // namespace
}  // namespace quantdyn
