// Channel precision: how much of a layer's range, and so of its codes, each channel uses.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "framework/h5/frame.h"

namespace quantdyn {

/// The width that a quantization scheme must cover to hold values from minimum to maximum: the
/// quantizer's own, so precision is the share of its codes.
using RangeWidth = std::function<double(double minimum, double maximum)>;
/// max - min: of float values, for which no scheme is chosen.
double asymmetric_width(double minimum, double maximum);

/// Nagel et al. 2019, section 3.3 (arXiv 1906.04721): p_i = r_i / R, r_i the width of channel i and
/// R that of the layer. A channel without width is dead: precision NaN, effective bits 0.
struct ChannelPrecision {
  std::vector<double> precision;
  std::vector<double> effective_bits;  ///< log2(1 + p_i (2^b - 1))
  double average = 0;                  ///< over channels that are not dead; NaN if all are
  uint64_t dead_channels = 0;
};

/// `minimum` and `maximum` are [channels]; a NaN there makes the layer's range and the average NaN.
/// Throws Error if their sizes differ or bit_width is not from 1 to 32.
ChannelPrecision channel_precision(std::span<const double> minimum, std::span<const double> maximum,
                                   const RangeWidth& width, int bit_width);

/// Writes channelwise/<tensor>/{channel_precision,effective_bits} and
/// layerwise/<tensor>/{average_channel_precision,dead_channels} of a node.
void save_channel_precision(const ChannelPrecision& precision, Frame& frame,
                            const std::string& tensor, int64_t node);

/// From channelwise/<tensor>/{min,max}, which the statistic `moments` wrote into the same frame.
/// Throws Error if it did not.
void save_channel_precision(Frame& frame, const std::string& tensor, int64_t node,
                            const RangeWidth& width, int bit_width);

}  // namespace quantdyn
