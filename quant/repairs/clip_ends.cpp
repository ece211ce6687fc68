#include "quant/repairs/clip_ends.h"

#include "quant/folding/linear_pairs.h"

namespace quantdyn {
namespace {

const Quantity low_quantity{.name = "clip_low",
                            .units = "1",
                            .long_name = "lower end of the channel's clip after the repairs"};
const Quantity high_quantity{.name = "clip_high",
                             .units = "1",
                             .long_name = "upper end of the channel's clip after the repairs"};

}  // namespace

void set_clip_ends(Network& network, int unit, std::span<const double> low,
                   std::span<const double> high, Frame& report) {
  const int node = activation_node(network, unit);
  if (!network.layer(node)->channel_ends()) network.replace_activation(node, "channel_clip");
  ChannelEnds<float>& ends = *network.layer(node)->channel_ends();
  std::vector<double> lows, highs;  // as the net has them
  for (size_t c = 0; c < low.size(); ++c) {
    lows.push_back(ends.low->master[c] = static_cast<float>(low[c]));
    highs.push_back(ends.high->master[c] = static_cast<float>(high[c]));
  }
  report.channel("repairs", low_quantity, unit, std::span<const double>(lows));
  report.channel("repairs", high_quantity, unit, std::span<const double>(highs));
}

}  // namespace quantdyn
