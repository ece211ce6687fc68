#include "stats/scales/ranges.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "framework/base/error.h"

namespace quantdyn {
namespace {

const std::string source = "Yun & Wong 2021, arXiv 2104.11849";
const Quantity ratio_quantity{
    .name = "channel_range_ratio",
    .units = "1",
    .long_name = "largest over smallest range of the channels that are not dead",
    .formula = "max_i r_i / min_i r_i, r_i = max - min, r_i > 0"};
const Quantity variation_quantity{
    .name = "channel_range_variation",
    .units = "1",
    .long_name = "coefficient of variation of the ranges of the channels that are not dead",
    .formula = "sqrt(mean_i (r_i - mean r)^2) / mean r, r_i = max - min, r_i > 0"};
const Quantity range_quantity{.name = "range",
                              .units = "1",
                              .long_name = "width of the layer's values",
                              .formula = "r = max - min"};
const Quantity log_quantity{.name = "log2_range",
                            .units = "1",
                            .long_name = "binary logarithm of the layer's range (octaves)",
                            .formula = "log2 (max - min)"};
const Quantity step_quantity{
    .name = "log2_range_step",
    .units = "1",
    .long_name = "log2 range less that of the node before it along the main path (octaves)",
    .formula = "log2 r_l - log2 r_(l-1) (after " + source + ")"};

constexpr double missing = std::numeric_limits<double>::quiet_NaN();

struct Deviation {
  double mean, std;
};
/// Population standard deviation, in two passes; NaN without values.
Deviation deviation_of(std::span<const double> values) {
  const auto count = static_cast<double>(values.size());
  double sum = 0, squares = 0;
  for (double value : values) sum += value;
  for (double value : values) squares += (value - sum / count) * (value - sum / count);
  return {sum / count, std::sqrt(squares / count)};
}

/// Nodes at which the frame has counted values of a tensor, NaN among them.
std::vector<bool> nodes_with(const Frame& frame, const std::string& tensor) {
  std::vector<bool> out(static_cast<size_t>(frame.nodes()));
  for (int64_t node = 0; node < frame.nodes(); ++node) {
    const auto count = frame.layer_values<uint64_t>(tensor, "count", node);
    out[node] = !count.empty() && count[0] > 0;
  }
  return out;
}

void save_network_values(Frame& frame, const std::string& tensor, std::span<const double> logs,
                         std::span<const double> steps) {
  double step_sum = 0;
  for (double step : steps) step_sum += std::abs(step);
  frame.network(
      {.name = tensor + "_range_fluctuation",
       .units = "1",
       .long_name = "standard deviation over depth of log2 range of " + tensor + " (octaves)",
       .formula = "sqrt(mean_l (log2 r_l - mean log2 r)^2) (after " + source + ")"},
      deviation_of(logs).std);
  frame.network({.name = tensor + "_range_step",
                 .units = "1",
                 .long_name = "mean absolute step from layer to layer of log2 range of " + tensor +
                              " (octaves)",
                 .formula = "mean_l |log2 r_l - log2 r_(l-1)| (after " + source + ")"},
                step_sum / static_cast<double>(steps.size()));
}

}  // namespace

RangeSpread range_spread(std::span<const double> minimum, std::span<const double> maximum) {
  if (minimum.size() != maximum.size())
    throw_error("range spread: {} minima and {} maxima", minimum.size(), maximum.size());
  std::vector<double> ranges;
  for (size_t i = 0; i < minimum.size(); ++i) {
    const double range = maximum[i] - minimum[i];
    if (std::isnan(range)) return {missing, missing};
    if (range != 0) ranges.push_back(range);
  }
  if (ranges.empty()) return {missing, missing};
  const auto [smallest, largest] = std::ranges::minmax(ranges);
  const Deviation deviation = deviation_of(ranges);
  return {largest / smallest, deviation.std / deviation.mean};
}

void save_range_spreads(Frame& frame, const std::string& tensor) {
  const std::vector<bool> has = nodes_with(frame, tensor);
  for (int64_t node = 0; node < frame.nodes(); ++node) {
    if (!has[node]) continue;
    const RangeSpread spread = range_spread(frame.channel_values<double>(tensor, "min", node),
                                            frame.channel_values<double>(tensor, "max", node));
    frame.layer(tensor, ratio_quantity, node, spread.ratio);
    frame.layer(tensor, variation_quantity, node, spread.variation);
  }
}

int64_t predecessor(const NodeInputs& inputs, int64_t node, const std::vector<bool>& has) {
  for (int64_t input : inputs[node]) {
    const int64_t found = has[input] ? input : predecessor(inputs, input, has);
    if (found >= 0) return found;
  }
  return -1;
}

void save_depth_ranges(Frame& frame, const std::string& tensor, const NodeInputs& inputs) {
  const std::vector<bool> has = nodes_with(frame, tensor);
  std::vector<double> logs, steps, by_node(has.size());
  for (int64_t node = 0; node < frame.nodes(); ++node) {
    if (!has[node]) continue;
    const double range = frame.layer_values<double>(tensor, "max", node)[0] -
                         frame.layer_values<double>(tensor, "min", node)[0];
    by_node[node] = std::log2(range);
    logs.push_back(by_node[node]);
    const int64_t before = predecessor(inputs, node, has);
    const double step = before < 0 ? missing : by_node[node] - by_node[before];
    if (before >= 0) steps.push_back(step);
    frame.layer(tensor, range_quantity, node, range);
    frame.layer(tensor, log_quantity, node, by_node[node]);
    frame.layer(tensor, step_quantity, node, step);
  }
  if (!logs.empty()) save_network_values(frame, tensor, logs, steps);
}

}  // namespace quantdyn
