// High-bias absorption: what a channel hardly ever falls below moves into the next layer's bias.
#pragma once

#include "framework/h5/frame.h"
#include "quant/folding/folding.h"

namespace quantdyn {

/// Nagel et al. 2019 (arXiv 1906.04721), equations 12 to 16: c = max(0, beta - deviations |gamma|)
/// of a channel before relu, b1 - c, b2 + W2 c. Of a normal distribution 0.13 % lie under beta - 3
/// |gamma| and are changed; at zero padding the next layer misses W2 c.
struct Absorption {
  /// Whether layers that pad with zeros take part.
  enum class Padded { absorb, skip };
  double deviations;
  Padded padded;

  /// Reads the section and calls finish(). ConfigError: the net has no batch norm to know beta and
  /// gamma from.
  static Absorption read(const Options& section, const Network& network);
  /// For every pair of layers in a row with relu or nothing between them. Writes
  /// channelwise/repairs/absorbed, c by channel.
  void apply(FoldedNetwork& net, Frame& report) const;
};

}  // namespace quantdyn
