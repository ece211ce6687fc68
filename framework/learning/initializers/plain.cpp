#include <cmath>

#include "framework/graph/layer.h"

namespace quantdyn {
namespace {

/// Uniform in [low, high), for any fan.
class Uniform final : public Initializer {
 public:
  explicit Uniform(const Options& options)
      : low_(options.number("low", -0.05, accept::any<double>(), "smallest weight")),
        high_(options.number("high", 0.05, accept::any<double>(),
                             "upper bound of the weights, not included; over low")) {
    options.finish();
    if (!(low_ < high_) || !std::isfinite(high_ - low_))
      options.refuse("high",
                     fmt::format("found {}, accepted: a finite number over low, {}", high_, low_));
  }
  void fill(std::span<double> weight, int64_t, int64_t, const Rng& rng) const override {
    for (size_t i = 0; i < weight.size(); ++i) weight[i] = low_ + (high_ - low_) * rng.uniform(i);
  }

 private:
  double low_, high_;
};

/// Normal, for any fan.
class Normal final : public Initializer {
 public:
  explicit Normal(const Options& options)
      : mean_(options.number("mean", 0, accept::any<double>(), "mean")),
        std_(options.number("std", 0.05, accept::over(0.0), "standard deviation")) {
    options.finish();
  }
  void fill(std::span<double> weight, int64_t, int64_t, const Rng& rng) const override {
    for (size_t i = 0; i < weight.size(); ++i) weight[i] = mean_ + std_ * rng.normal(i);
  }

 private:
  double mean_, std_;
};

/// Normal, drawn again until within two standard deviations of the mean. `std` is that of the
/// normal before truncation; the truncated one has 0.88 of it.
class TruncatedNormal final : public Initializer {
 public:
  explicit TruncatedNormal(const Options& options)
      : mean_(options.number("mean", 0, accept::any<double>(), "mean")),
        std_(options.number("std", 0.05, accept::over(0.0),
                            "standard deviation before truncation at twice this value")) {
    options.finish();
  }
  void fill(std::span<double> weight, int64_t, int64_t, const Rng& rng) const override {
    for (size_t i = 0; i < weight.size(); ++i) {
      const Rng draws = rng.fork(i);
      uint64_t attempt = 0;
      double z = draws.normal(attempt);
      while (std::abs(z) > 2) z = draws.normal(++attempt);
      weight[i] = mean_ + std_ * z;
    }
  }

 private:
  double mean_, std_;
};

const Registered<Initializer> uniform{
    "uniform", "uniform in a given range",
    [](const Options& options) { return std::make_unique<Uniform>(options); }};
const Registered<Initializer> normal{
    "normal", "normal of a given mean and deviation",
    [](const Options& options) { return std::make_unique<Normal>(options); }};
const Registered<Initializer> truncated_normal{
    "truncated_normal", "normal of a given mean and deviation, cut at two deviations",
    [](const Options& options) { return std::make_unique<TruncatedNormal>(options); }};

}  // namespace
}  // namespace quantdyn
