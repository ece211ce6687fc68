#include <cmath>

#include "framework/graph/layer.h"

namespace quantdyn {
namespace {

double read_gain(const Options& options) {
  const double gain = options.number("gain", 1, accept::over(0.0), "factor on every weight");
  options.finish();
  return gain;
}

/// Normal with standard deviation gain sqrt(2 / (fan_in + fan_out)) (Glorot & Bengio 2010,
/// equation 12).
class GlorotNormal final : public Initializer {
 public:
  explicit GlorotNormal(const Options& options) : gain_(read_gain(options)) {}
  void fill(std::span<double> weight, int64_t fan_in, int64_t fan_out,
            const Rng& rng) const override {
    const double deviation = gain_ * std::sqrt(2 / static_cast<double>(fan_in + fan_out));
    for (size_t i = 0; i < weight.size(); ++i) weight[i] = deviation * rng.normal(i);
  }

 private:
  double gain_;
};

/// Uniform in +-gain sqrt(6 / (fan_in + fan_out)) (Glorot & Bengio 2010, equation 16).
class GlorotUniform final : public Initializer {
 public:
  explicit GlorotUniform(const Options& options) : gain_(read_gain(options)) {}
  void fill(std::span<double> weight, int64_t fan_in, int64_t fan_out,
            const Rng& rng) const override {
    const double bound = gain_ * std::sqrt(6 / static_cast<double>(fan_in + fan_out));
    for (size_t i = 0; i < weight.size(); ++i) weight[i] = bound * (2 * rng.uniform(i) - 1);
  }

 private:
  double gain_;
};

const Registered<Initializer> glorot_normal{
    "glorot_normal", "normal, by fan in and fan out (Glorot & Bengio 2010)",
    [](const Options& options) { return std::make_unique<GlorotNormal>(options); }};
const Registered<Initializer> glorot_uniform{
    "glorot_uniform", "uniform, by fan in and fan out (Glorot & Bengio 2010)",
    [](const Options& options) { return std::make_unique<GlorotUniform>(options); }};

}  // namespace
}  // namespace quantdyn
