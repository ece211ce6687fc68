// Clips with ends by channel, which repairs put in place of clips such as relu6.
#pragma once

#include <span>

#include "framework/h5/frame.h"
#include "quant/folding/folding.h"

namespace quantdyn {

/// Turns the unit's clip into one with ends by channel (the primitive channel_clip), and writes
/// channelwise/repairs/clip_low and clip_high.
void set_clip_ends(Network& network, int unit, std::span<const double> low,
                   std::span<const double> high, Frame& report);

}  // namespace quantdyn
