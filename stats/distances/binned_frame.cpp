#include "stats/distances/binned_frame.h"

#include <algorithm>
#include <limits>

namespace quantdyn {
namespace {

double value_at(std::span<const double> values, int64_t i) {
  return values.empty() ? std::numeric_limits<double>::quiet_NaN() : values[i];
}

}  // namespace

const BinEdges& frame_bin_edges() {
  static const BinEdges edges{LogBins{}};
  return edges;
}

std::optional<BinnedDistribution> layer_distribution(const Frame& frame, const std::string& tensor,
                                                     int64_t node) {
  const auto counts = frame.layer_values<uint64_t>(tensor, "histogram", node);
  if (std::ranges::all_of(counts, [](uint64_t count) { return count == 0; })) return {};
  return BinnedDistribution(frame_bin_edges(), counts,
                            value_at(frame.layer_values<double>(tensor, "min", node), 0),
                            value_at(frame.layer_values<double>(tensor, "max", node), 0));
}

BinnedDistribution channel_distribution(const Frame& frame, const std::string& tensor, int64_t node,
                                        int64_t channel) {
  const int64_t bins = frame_bin_edges().bins.size();
  return {frame_bin_edges(),
          frame.channel_values<uint64_t>(tensor, "histogram", node)
              .subspan(static_cast<size_t>(channel * bins), static_cast<size_t>(bins)),
          value_at(frame.channel_values<double>(tensor, "min", node), channel),
          value_at(frame.channel_values<double>(tensor, "max", node), channel)};
}

}  // namespace quantdyn
