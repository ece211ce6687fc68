// Cross-layer equalization: channel ranges of consecutive layers made equal by scales that cancel.
#pragma once

#include <vector>

#include "framework/h5/frame.h"
#include "quant/folding/folding.h"
#include "quant/folding/linear_pairs.h"

namespace quantdyn {

/// Nagel et al. 2019 (arXiv 1906.04721), equations 8 to 11: with r1_i = max |w1| of output channel
/// i and r2_i = max |w2| of input channel i,
///   s_i = sqrt(r1_i r2_i) / r2_i,   w1_i / s_i,   b1_i / s_i,   w2_i s_i
/// makes both sqrt(r1_i r2_i); s = 1 if a range is at most `smallest` times its layer's largest (a
/// dead channel's ranges are rounding errors). Consecutive pairs are swept until no scale moves
/// further than the tolerance. The activation between them may be positively homogeneous (relu,
/// leaky_relu).
struct Equalization {
  /// What to do with a pair that has another activation between: refuse the variant, replace the
  /// activation by relu (if it is a clip at 0, such as relu6), or leave the pair as it is.
  enum class Relu6 { refuse, replace, skip };
  double smallest;   ///< ranges that count as 0, as a share of the layer's largest
  double tolerance;  ///< of max |s - 1| in a sweep
  int64_t sweeps;    ///< at most
  Relu6 relu6;
  std::vector<LinearPair> pairs;

  /// Reads the section and calls finish(). ConfigError: no pair in the net, a requested node that
  /// starts no pair (before a branch, an add), an activation between that can neither stay nor be
  /// replaced.
  static Equalization read(const Options& section, const Network& network);
  /// Whether apply() will replace the unit's activation by relu.
  bool replaces_activation(const Network& network, int unit) const;
  /// Rescales weights, biases, and the norms' beta and gamma. Writes
  /// channelwise/repairs/equalization_scale (the product of all s of a channel) and
  /// networkwise/equalization_sweeps, equalization_residual (max |s - 1| of the last sweep).
  void apply(FoldedNetwork& net, Frame& report) const;
};

}  // namespace quantdyn
