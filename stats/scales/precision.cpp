#include "stats/scales/precision.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "framework/base/error.h"

namespace quantdyn {
namespace {

const std::string source = "Nagel et al. 2019, arXiv 1906.04721, section 3.3";
const Quantity precision_quantity{.name = "channel_precision",
                                  .units = "1",
                                  .long_name = "share of the layer's range that the channel uses",
                                  .formula = "p_i = r_i / R (" + source + ")"};
const Quantity bits_quantity{.name = "effective_bits",
                             .units = "bit",
                             .long_name = "bits that the channel has of the layer's grid",
                             .formula = "log2(1 + p_i (2^b - 1)), 0 for a dead channel"};
const Quantity average_quantity{.name = "average_channel_precision",
                                .units = "1",
                                .long_name = "mean channel precision, dead channels left out",
                                .formula = "mean_i p_i (" + source + ")"};
const Quantity dead_quantity{.name = "dead_channels",
                             .units = "1",
                             .long_name = "number of channels whose range has no width"};

// NaN if one of the values is NaN, unlike std::min, whose answer depends on the NaN's position.
double smallest(std::span<const double> values) {
  double out = std::numeric_limits<double>::infinity();
  for (double value : values) {
    if (std::isnan(value)) return value;
    out = std::min(out, value);
  }
  return out;
}

std::span<const double> channel_values(const Frame& frame, const std::string& tensor, int64_t node,
                                       const std::string& name) {
  if (!frame.arrays().contains("channelwise/" + tensor + "/" + name))
    throw_error("channel precision: no channelwise/{}/{}; the statistic `moments` writes it",
                tensor, name);
  return frame.channel_values<double>(tensor, name, node);
}

}  // namespace

double asymmetric_width(double minimum, double maximum) { return maximum - minimum; }

ChannelPrecision channel_precision(std::span<const double> minimum, std::span<const double> maximum,
                                   const RangeWidth& width, int bit_width) {
  if (minimum.size() != maximum.size())
    throw_error("channel precision: {} minima and {} maxima", minimum.size(), maximum.size());
  if (bit_width < 1 || bit_width > 32)
    throw_error("channel precision: bit width {}; accepted: from 1 to 32", bit_width);
  std::vector<double> negated(maximum.begin(), maximum.end());
  for (double& value : negated) value = -value;
  const double layer_width = width(smallest(minimum), -smallest(negated));
  const double largest_code = std::exp2(bit_width) - 1;
  ChannelPrecision out;
  double sum = 0;
  for (size_t i = 0; i < minimum.size(); ++i) {
    const double own_width = width(minimum[i], maximum[i]);
    const bool dead = own_width == 0;
    const double precision =
        dead ? std::numeric_limits<double>::quiet_NaN() : own_width / layer_width;
    out.precision.push_back(precision);
    out.effective_bits.push_back(dead ? 0 : std::log2(1 + precision * largest_code));
    out.dead_channels += dead;
    if (!dead) sum += precision;
  }
  out.average = sum / static_cast<double>(minimum.size() - out.dead_channels);
  return out;
}

void save_channel_precision(const ChannelPrecision& precision, Frame& frame,
                            const std::string& tensor, int64_t node) {
  frame.channel(tensor, precision_quantity, node, std::span<const double>(precision.precision));
  frame.channel(tensor, bits_quantity, node, std::span<const double>(precision.effective_bits));
  frame.layer(tensor, average_quantity, node, precision.average);
  frame.layer(tensor, dead_quantity, node, precision.dead_channels);
}

void save_channel_precision(Frame& frame, const std::string& tensor, int64_t node,
                            const RangeWidth& width, int bit_width) {
  const auto minimum = channel_values(frame, tensor, node, "min");
  const auto maximum = channel_values(frame, tensor, node, "max");
  save_channel_precision(channel_precision(minimum, maximum, width, bit_width), frame, tensor,
                         node);
}

}  // namespace quantdyn
