#include "framework/base/step_sums.h"
#include "layers/checks.h"
#include "layers/chunk_sums.h"
#include "layers/linear_parameters.h"

namespace quantdyn {
namespace {

/// y [N,K] = x [N,C] weight [C,K] + bias [K].
template <typename T>
class Dense final : public Layer<T> {
 public:
  explicit Dense(const Options& options)
      : units_(options.integer("units", Options::required, accept::between<int64_t>(1, 1 << 24),
                               "outputs; in a classifier's last layer one per class")),
        parameters_(options) {
    options.finish();
    parameters_.make_initializer();
  }

  Shape setup(std::span<const Shape> inputs) override {
    const Shape& input = only_input(inputs, "dense");
    if (input.rank() != 1)
      throw_error(
          "dense: found an input of shape {}, expected [channels]; put flatten or "
          "global_average_pool before it",
          input.text());
    in_ = input[0];
    parameters_.allocate({in_, units_}, in_, 1, in_);
    return {units_};
  }

  void initialize(const Initializer& weights, const Rng& rng) override {
    parameters_.initialize(weights, rng);
  }

  void evaluate(std::span<const View<const T>> x, View<T> y) const override {
    const T* weight = parameters_.weight.read();
    for (int64_t image = 0; image < y.shape[0]; ++image) {
      T* out = y.data + image * units_;
      parameters_.start_with_bias(out);
      for (int64_t c = 0; c < in_; ++c) {
        const T value = x[0].data[image * in_ + c];
        for (int64_t k = 0; k < units_; ++k) out[k] += value * weight[c * units_ + k];
      }
    }
  }

  void backward(std::span<const View<const T>> x, View<const T>, View<const T> dy,
                std::span<const View<T>> dx) override {
    if (dx[0]) add_input_gradient(dy, dx[0]);
    const int64_t size = in_ * units_;  // the bias's sums come after the weight's
    const auto work = [&](const Chunk& chunk, std::span<double> sums) {
      for (int64_t image = chunk.first; image < chunk.first + chunk.images; ++image) {
        const T* in = x[0].data + image * in_;
        const T* out = dy.data + image * units_;
        for (int64_t c = 0; c < in_; ++c)
          for (int64_t k = 0; k < units_; ++k)
            sums[c * units_ + k] += static_cast<double>(in[c]) * static_cast<double>(out[k]);
        for (int64_t k = 0; k < units_; ++k) sums[size + k] += static_cast<double>(out[k]);
      }
    };
    const std::vector<double> sums = chunk_sums(dy.shape[0], size + units_, work);
    add_gradient(parameters_.weight.grad, std::span(sums).first(static_cast<size_t>(size)));
    add_gradient(parameters_.bias.grad, std::span(sums).subspan(static_cast<size_t>(size)));
  }

  std::vector<Parameter<T>*> parameters() override { return parameters_.list(); }
  Linear<T>* linear() override { return &parameters_.role; }
  int64_t multiply_accumulates() const override { return in_ * units_; }

 private:
  void add_input_gradient(View<const T> dy, View<T> dx) const {
    parallel_chunks(dy.shape[0], [&](const Chunk& chunk) {
      for (int64_t image = chunk.first; image < chunk.first + chunk.images; ++image)
        for (int64_t c = 0; c < in_; ++c) {
          const T* row = parameters_.weight.read() + c * units_;
          T sum{};
          for (int64_t k = 0; k < units_; ++k) sum += dy.data[image * units_ + k] * row[k];
          dx.data[image * in_ + c] += sum;
        }
    });
  }

  int64_t units_, in_ = 0;
  LinearParameters<T> parameters_;
};

const RegisteredLayer<Dense> dense{"dense", "fully connected layer"};

}  // namespace
}  // namespace quantdyn
