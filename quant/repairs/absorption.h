// High-bias absorption: what a channel hardly ever falls below moves into the next layer's bias.
#pragma once

#include "framework/h5/frame.h"
#include "quant/folding/folding.h"
#include "quant/repairs/equalization.h"

namespace quantdyn {

/// Nagel et al. 2019 (arXiv 1906.04721), equations 12 to 16: c = max(0, beta - deviations |gamma|)
/// of a channel before relu, b1 - c, b2 + W2 c. Of a normal distribution 0.13 % lie under beta - 3
/// |gamma| and are changed; at zero padding the next layer misses W2 c. In the place of relu may
/// stand any activation that keeps every value over 0 (leaky_relu), or none.
struct Absorption {
  /// Whether layers that pad with zeros take part.
  enum class Padded { absorb, skip };
  double deviations;
  Padded padded;

  /// Reads the section and calls finish(); `equalization` is the one that acts before, or null.
  /// ConfigError: the net has no batch norm to know beta and gamma from, or no pair of layers in a
  /// row with only such layers between them as pass c on.
  static Absorption read(const Options& section, const Network& network,
                         const Equalization* equalization);
  /// For every such pair. Writes channelwise/repairs/absorbed, c by channel.
  void apply(FoldedNetwork& net, Frame& report) const;
};

}  // namespace quantdyn
