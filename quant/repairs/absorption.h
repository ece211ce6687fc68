// High-bias absorption: moves the value that a channel hardly ever falls below to the next bias.
#pragma once

#include "framework/h5/frame.h"
#include "quant/folding/folding.h"
#include "quant/repairs/equalization.h"

namespace quantdyn {

/// Nagel et al. 2019 (arXiv 1906.04721), equations 12 to 16: c = max(0, beta - deviations |gamma|)
/// of a channel before relu; b1 - c, b2 + W2 c. In a normal distribution, 0.13 % falls below beta -
/// 3 |gamma| and is changed. Where the next layer pads with zeros, it lacks W2 c. The activation is
/// relu, any other that leaves values over 0 unchanged (leaky_relu), none, or a clip with ends by
/// channel, whose upper ends become high - c.
struct Absorption {
  /// Whether layers that pad with zeros take part.
  enum class Padded { absorb, skip };
  double deviations;
  Padded padded;

  /// Reads the section and calls finish(); `equalization` is the one that runs before, or null.
  /// ConfigError: the net has no batch norm to take beta and gamma from, or no two consecutive
  /// layers with only layers between them that pass c on.
  static Absorption read(const Options& section, const Network& network,
                         const Equalization* equalization);
  /// Repairs every such pair. Writes channelwise/repairs/absorbed, c by channel.
  void apply(FoldedNetwork& net, Frame& report) const;
};

}  // namespace quantdyn
