#include <cmath>

#include "framework/base/ranks.h"
#include "framework/base/step_sums.h"
#include "framework/graph/layer.h"
#include "layers/checks.h"
#include "layers/chunk_sums.h"

namespace quantdyn {
namespace {

/// y = gamma (x - mean) / sqrt(variance + epsilon) + beta over x [N,...,C], by channel
/// (Ioffe & Szegedy 2015).
///
/// Training uses the batch's mean and biased variance, in double and two passes, and updates the
/// running ones: running = (1 - momentum) running + momentum batch, with the unbiased variance.
/// Evaluation uses the running ones. Values are (x - mean) scale + beta, where scale = gamma /
/// sqrt(variance + epsilon) is rounded once from double.
template <typename T>
class BatchNorm final : public Layer<T> {
 public:
  explicit BatchNorm(const Options& options)
      : epsilon_(options.number("epsilon", 1e-5, accept::at_least(0.0), "added to the variance")),
        momentum_(options.number("momentum", 0.1, accept::between(0.0, 1.0),
                                 "weight of the batch in the running mean and variance")) {
    options.finish();
  }

  Shape setup(std::span<const Shape> inputs) override {
    const Shape& input = only_input(inputs, "batch_norm");
    channels_ = input.channels();
    const auto make = [&](const char* name, T value, bool trained) {
      Parameter<T> out;
      out.name = name;
      out.master = Tensor<T>(Shape{channels_});
      out.master.fill(value);
      out.trained = trained;
      if (trained) out.grad = Tensor<T>(Shape{channels_});
      return out;
    };
    gamma_ = make("gamma", 1, true);
    beta_ = make("beta", 0, true);
    mean_ = make("running_mean", 0, false);
    variance_ = make("running_variance", 1, false);
    role_ = {.gamma = &gamma_,
             .beta = &beta_,
             .mean = &mean_,
             .variance = &variance_,
             .epsilon = epsilon_,
             .momentum = momentum_};
    return input;
  }

  void evaluate(std::span<const View<const T>> x, View<T> y) const override {
    std::vector<T> mean(mean_.read(), mean_.read() + channels_), scale(mean.size());
    for (int64_t c = 0; c < channels_; ++c) {
      const auto variance = static_cast<double>(variance_.read()[c]);
      scale[c] =
          static_cast<T>(static_cast<double>(gamma_.read()[c]) / std::sqrt(variance + epsilon_));
    }
    apply(x[0], y, mean, scale);
  }

  void forward(std::span<const View<const T>> x, View<T> y) override {
    const int64_t rows = images_of_batch(x[0].shape[0]) * x[0].shape.of_one().rows();
    if (rows < 2)
      throw_error(
          "batch_norm: found one value per channel in a batch of shape {}, expected two or more to "
          "train on; larger batches have them",
          x[0].shape.text());
    batch_mean_ = channel_sums(x[0], [](double value, int64_t) { return value; });
    for (double& sum : batch_mean_) sum /= static_cast<double>(rows);
    std::vector<double> squares = channel_sums(x[0], [&](double value, int64_t c) {
      return (value - batch_mean_[c]) * (value - batch_mean_[c]);
    });
    std::vector<T> mean(batch_mean_.begin(), batch_mean_.end()), scale(mean.size());
    inverse_deviation_.resize(squares.size());
    for (int64_t c = 0; c < channels_; ++c) {
      inverse_deviation_[c] = 1 / std::sqrt(squares[c] / static_cast<double>(rows) + epsilon_);
      scale[c] = static_cast<T>(static_cast<double>(gamma_.read()[c]) * inverse_deviation_[c]);
      move(mean_.master[c], batch_mean_[c]);
      move(variance_.master[c], squares[c] / static_cast<double>(rows - 1));
    }
    parallel_chunks(y.shape[0], [&](const Chunk& chunk) {
      apply(x[0].slice(chunk.first, chunk.images), y.slice(chunk.first, chunk.images), mean, scale);
    });
  }

  void backward(std::span<const View<const T>> x, View<const T>, View<const T> dy,
                std::span<const View<T>> dx) override {
    const std::vector<double> dbeta = channel_sums(dy, [](double value, int64_t) { return value; });
    const std::vector<double> dgamma = gamma_gradient(x[0], dy);
    add_gradient(beta_.grad, dbeta);
    add_gradient(gamma_.grad, dgamma);
    if (!dx[0]) return;
    const auto count = static_cast<double>(images_of_batch(dy.shape[0]) * dy.shape.of_one().rows());
    parallel_chunks(dy.shape[0], [&](const Chunk& chunk) {
      visit(dy, chunk, [&](int64_t i, int64_t c) {
        const double rest = dbeta[c] / count + normalized(x[0], i, c) * dgamma[c] / count;
        const double scale = static_cast<double>(gamma_.read()[c]) * inverse_deviation_[c];
        dx[0].data[i] += static_cast<T>(scale * (static_cast<double>(dy.data[i]) - rest));
      });
    });
  }

  std::vector<Parameter<T>*> parameters() override { return {&gamma_, &beta_, &mean_, &variance_}; }
  ChannelAffine<T>* channel_affine() override { return &role_; }

 private:
  void move(T& running, double batch) const {
    running = static_cast<T>((1 - momentum_) * static_cast<double>(running) + momentum_ * batch);
  }

  void apply(View<const T> x, View<T> y, std::span<const T> mean, std::span<const T> scale) const {
    const T* beta = beta_.read();
    for (int64_t row = 0; row < y.shape.rows(); ++row) {
      const T* in = x.data + row * channels_;
      T* out = y.data + row * channels_;
      for (int64_t c = 0; c < channels_; ++c) out[c] = (in[c] - mean[c]) * scale[c] + beta[c];
    }
  }

  /// Calls work(element, channel) in order over a chunk of `batch`.
  template <typename Work>
  void visit(View<const T> batch, const Chunk& chunk, const Work& work) const {
    const int64_t rows = batch.shape.of_one().rows();
    for (int64_t row = chunk.first * rows; row < (chunk.first + chunk.images) * rows; ++row)
      for (int64_t c = 0; c < channels_; ++c) work(row * channels_ + c, c);
  }

  /// The sum over the batch of term(value, channel), by channel.
  template <typename Term>
  std::vector<double> channel_sums(View<const T> batch, const Term& term) const {
    return chunk_sums(batch.shape[0], channels_, [&](const Chunk& chunk, std::span<double> sums) {
      visit(batch, chunk,
            [&](int64_t i, int64_t c) { sums[c] += term(static_cast<double>(batch.data[i]), c); });
    });
  }

  std::vector<double> gamma_gradient(View<const T> x, View<const T> dy) const {
    return chunk_sums(dy.shape[0], channels_, [&](const Chunk& chunk, std::span<double> sums) {
      visit(dy, chunk, [&](int64_t i, int64_t c) {
        sums[c] += static_cast<double>(dy.data[i]) * normalized(x, i, c);
      });
    });
  }

  double normalized(View<const T> x, int64_t i, int64_t c) const {
    return (static_cast<double>(x.data[i]) - batch_mean_[c]) * inverse_deviation_[c];
  }

  double epsilon_, momentum_;
  int64_t channels_ = 0;
  Parameter<T> gamma_, beta_, mean_, variance_;
  ChannelAffine<T> role_{};
  std::vector<double> batch_mean_, inverse_deviation_;  // of the last forward, [C]
};

const RegisteredLayer<BatchNorm> batch_norm{
    "batch_norm", "normalization of every channel by the batch's mean and variance"};

}  // namespace
}  // namespace quantdyn
