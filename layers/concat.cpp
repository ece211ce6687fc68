#include <algorithm>

#include "framework/base/threads.h"
#include "framework/graph/layer.h"

namespace quantdyn {
namespace {

/// y [N,H,W,C1 + C2 + ...] = the channels of two or more x [N,H,W,Ci], in the order of the inputs;
/// also of [N,Ci].
template <typename T>
class Concat final : public Layer<T> {
 public:
  explicit Concat(const Options& options) { options.finish(); }

  Shape setup(std::span<const Shape> inputs) override {
    if (inputs.size() < 2)
      throw_error("concat: found {} inputs, expected two or more", inputs.size());
    const Shape& first = inputs[0];
    int64_t channels = 0;
    for (const Shape& input : inputs) {
      if (input.rank() != first.rank() || input.rank() < 1 ||
          !std::equal(first.sizes().begin(), first.sizes().end() - 1, input.sizes().begin()))
        throw_error(
            "concat: found inputs of shapes {} and {}, expected equal sizes but of channels",
            first.text(), input.text());
      channels += input.channels();
    }
    Shape out = first.rank() == 3 ? Shape{first[0], first[1], channels} : Shape{channels};
    if (first.rank() != 3 && first.rank() != 1)
      throw_error(
          "concat: found inputs of shape {}, expected [height, width, channels] or "
          "[channels]",
          first.text());
    return out;
  }
  void evaluate(std::span<const View<const T>> x, View<T> y) const override {
    int64_t first_channel = 0;
    for (const View<const T>& input : x) {
      const int64_t channels = input.shape.channels();
      for (int64_t row = 0; row < y.shape.rows(); ++row)
        std::copy_n(input.data + row * channels, channels,
                    y.data + row * y.shape.channels() + first_channel);
      first_channel += channels;
    }
  }
  void backward(std::span<const View<const T>> x, View<const T>, View<const T> dy,
                std::span<const View<T>> dx) override {
    const int64_t rows = dy.shape.of_one().rows();
    parallel_chunks(dy.shape[0], [&](const Chunk& chunk) {
      int64_t first_channel = 0;
      for (size_t i = 0; i < x.size(); ++i) {
        const int64_t channels = x[i].shape.channels();
        for (int64_t row = chunk.first * rows; dx[i] && row < (chunk.first + chunk.images) * rows;
             ++row)
          for (int64_t c = 0; c < channels; ++c)
            dx[i].data[row * channels + c] +=
                dy.data[row * dy.shape.channels() + first_channel + c];
        first_channel += channels;
      }
    });
  }
};

const RegisteredLayer<Concat> concat{"concat",
                                     "the channels of two or more inputs, one after the other"};

}  // namespace
}  // namespace quantdyn
