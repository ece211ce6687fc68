#include "stats/scales/batch_norm.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "framework/base/error.h"

namespace quantdyn {
namespace {

const std::string tensor = "batch_norm";
constexpr double missing = std::numeric_limits<double>::quiet_NaN();

const std::string norm_formula =
    "y = gamma (x - running mean) / sqrt(running variance + epsilon) + beta (Ioffe & Szegedy 2015)";
const Quantity gamma_quantity{
    .name = "gamma", .units = "1", .long_name = "scale of the batch norm", .formula = norm_formula};
const Quantity beta_quantity{
    .name = "beta", .units = "1", .long_name = "shift of the batch norm", .formula = norm_formula};
const Quantity mean_quantity{.name = "running_mean",
                             .units = "1",
                             .long_name = "running mean of the batch norm",
                             .formula = norm_formula};
const Quantity std_quantity{
    .name = "running_std",
    .units = "1",
    .long_name = "standard deviation from the running variance of the batch norm",
    .formula = "sqrt(running variance)"};
const Quantity factor_quantity{
    .name = "gamma_over_sigma",
    .units = "1",
    .long_name = "what folding the batch norm multiplies the channel's weights by",
    .formula =
        "gamma / sqrt(running variance + epsilon) (Jacob et al. 2018, arXiv 1712.05877, section "
        "3.2)"};
const Quantity shift_quantity{
    .name = "batch_mean_shift",
    .units = "1",
    .long_name = "mean on the probe images less the running mean, in running standard deviations",
    .formula =
        "(mean_probe - running mean) / running std (statistics: Ioffe & Szegedy 2015, algorithm "
        "2)"};
const Quantity ratio_quantity{
    .name = "batch_std_ratio",
    .units = "1",
    .long_name = "standard deviation on the probe images over the running one",
    .formula = "std_probe / running std (statistics: Ioffe & Szegedy 2015, algorithm 2)"};
const Quantity average_shift_quantity{.name = "average_mean_shift",
                                      .units = "1",
                                      .long_name =
                                          "mean absolute shift of channels' means on the probe "
                                          "images, in running standard deviations",
                                      .formula = "mean_i |batch_mean_shift_i|, running std > 0"};
const Quantity average_ratio_quantity{.name = "average_log2_std_ratio",
                                      .units = "1",
                                      .long_name =
                                          "mean absolute log2 of channels' standard deviation on "
                                          "the probe images over the running one",
                                      .formula = "mean_i |log2 batch_std_ratio_i|, both std > 0"};
const Quantity folded_quantity{
    .name = "range_over_unfolded",
    .units = "1",
    .long_name = "range of the channel's folded weights over that as trained",
    .formula = "r_folded / r, r = max - min; |gamma / sigma| up to rounding"};
const Quantity spread_quantity{.name = "range_over_unfolded_spread",
                               .units = "1",
                               .long_name =
                                   "largest over smallest change of a channel's range by folding, "
                                   "channels without range left out",
                               .formula = "max_i q_i / min_i q_i, q_i = range_over_unfolded_i > 0"};

/// f(value) of each, as double.
template <typename F>
std::vector<double> each(std::span<const float> values, const F& f) {
  std::vector<double> out;
  for (float value : values) out.push_back(f(static_cast<double>(value)));
  return out;
}

double identity(double value) { return value; }
double root(double value) { return std::sqrt(value); }

void save(Frame& frame, const Quantity& quantity, int64_t node, const std::vector<double>& values) {
  frame.channel(tensor, quantity, node, std::span<const double>(values));
}

}  // namespace

void save_norm_parameters(const NormParameters& norm, Frame& frame, int64_t node) {
  const auto channels = static_cast<size_t>(frame.channels_of(node));
  for (const auto& values : {norm.gamma, norm.beta, norm.mean, norm.variance})
    if (values.size() != channels)
      throw_error("batch norm: {} values for {} channels", values.size(), channels);
  std::vector<double> factor = each(norm.gamma, identity);
  for (size_t c = 0; c < channels; ++c)
    factor[c] /= std::sqrt(static_cast<double>(norm.variance[c]) + norm.epsilon);
  save(frame, gamma_quantity, node, each(norm.gamma, identity));
  save(frame, beta_quantity, node, each(norm.beta, identity));
  save(frame, mean_quantity, node, each(norm.mean, identity));
  save(frame, std_quantity, node, each(norm.variance, root));
  save(frame, factor_quantity, node, factor);
}

void save_norm_shift(const NormParameters& norm, Frame& frame, int64_t node) {
  const auto mean = frame.channel_values<double>("conv", "mean", node);
  const auto std = frame.channel_values<double>("conv", "std", node);
  if (mean.empty() || std.empty()) return;
  if (norm.mean.size() != mean.size() || norm.variance.size() != mean.size())
    throw_error("batch norm: running statistics of {} and {} channels for {}", norm.mean.size(),
                norm.variance.size(), mean.size());
  const std::vector<double> running_std = each(norm.variance, root);
  std::vector<double> shift, ratio;
  double shift_sum = 0, ratio_sum = 0;
  int64_t shifts = 0, ratios = 0;
  for (size_t c = 0; c < mean.size(); ++c) {
    shift.push_back((mean[c] - static_cast<double>(norm.mean[c])) / running_std[c]);
    ratio.push_back(std[c] / running_std[c]);
    if (running_std[c] == 0) continue;
    shift_sum += std::abs(shift[c]);
    ++shifts;
    if (std[c] == 0) continue;
    ratio_sum += std::abs(std::log2(ratio[c]));
    ++ratios;
  }
  save(frame, shift_quantity, node, shift);
  save(frame, ratio_quantity, node, ratio);
  frame.layer(tensor, average_shift_quantity, node, shift_sum / static_cast<double>(shifts));
  frame.layer(tensor, average_ratio_quantity, node, ratio_sum / static_cast<double>(ratios));
}

void save_folding_ranges(Frame& frame, int64_t node) {
  const auto values = [&](const char* which, const char* name) {
    return frame.channel_values<double>(which, name, node);
  };
  const auto folded_min = values("folded_weight", "min"),
             folded_max = values("folded_weight", "max");
  const auto minimum = values("weight", "min"), maximum = values("weight", "max");
  if (folded_min.empty() || minimum.empty()) return;
  std::vector<double> quotients, used;
  bool has_nan = false;
  for (size_t c = 0; c < minimum.size(); ++c) {
    const double range = maximum[c] - minimum[c];
    quotients.push_back(range == 0 ? missing : (folded_max[c] - folded_min[c]) / range);
    if (range == 0 || quotients.back() == 0) continue;
    has_nan = has_nan || std::isnan(quotients.back());
    used.push_back(quotients.back());
  }
  double spread = missing;
  if (!has_nan && !used.empty()) spread = std::ranges::max(used) / std::ranges::min(used);
  frame.channel("folded_weight", folded_quantity, node, std::span<const double>(quotients));
  frame.layer("folded_weight", spread_quantity, node, spread);
}

}  // namespace quantdyn
