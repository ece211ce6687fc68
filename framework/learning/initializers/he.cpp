#include <cmath>
#include <numbers>

#include "framework/graph/layer.h"

namespace quantdyn {
namespace {

double read_gain(const Options& options) {
  const double gain = options.number("gain", std::numbers::sqrt2, accept::over(0.0),
                                     "sqrt(2) before relu, 1 without activation");
  options.finish();
  return gain;
}

/// Normal with standard deviation gain / sqrt(fan_in) (He et al. 2015, equation 10).
class HeNormal final : public Initializer {
 public:
  explicit HeNormal(const Options& options) : gain_(read_gain(options)) {}
  void fill(std::span<double> weight, int64_t fan_in, int64_t, const Rng& rng) const override {
    const double deviation = gain_ / std::sqrt(static_cast<double>(fan_in));
    for (size_t i = 0; i < weight.size(); ++i) weight[i] = deviation * rng.normal(i);
  }

 private:
  double gain_;
};

/// Uniform in +-bound of the same standard deviation: bound = gain sqrt(3 / fan_in).
class HeUniform final : public Initializer {
 public:
  explicit HeUniform(const Options& options) : gain_(read_gain(options)) {}
  void fill(std::span<double> weight, int64_t fan_in, int64_t, const Rng& rng) const override {
    const double bound = gain_ * std::sqrt(3 / static_cast<double>(fan_in));
    for (size_t i = 0; i < weight.size(); ++i) weight[i] = bound * (2 * rng.uniform(i) - 1);
  }

 private:
  double gain_;
};

const Registered<Initializer> he_normal{
    "he_normal", "normal, by fan in (He et al. 2015)",
    [](const Options& options) { return std::make_unique<HeNormal>(options); }};
const Registered<Initializer> he_uniform{
    "he_uniform", "uniform, by fan in (He et al. 2015)",
    [](const Options& options) { return std::make_unique<HeUniform>(options); }};

}  // namespace
}  // namespace quantdyn
