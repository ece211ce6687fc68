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
/// makes both sqrt(r1_i r2_i). s = 1 for a channel that is dead: one whose folded norm saw a
/// variance under `dead_variance`, or with a range of at most `smallest` times its layer's largest
/// (rounding errors). Consecutive pairs are swept until no scale moves further than the tolerance.
/// The activation between them may be positively homogeneous (relu, leaky_relu), or a clip whose
/// ends are scaled with the channel.
struct Equalization {
  /// What to do with a pair that has another activation between: refuse the variant; give a clip
  /// ends by channel, low / s_i and high / s_i, which keeps the function; replace the activation by
  /// relu (if it is a clip at 0, such as relu6); or leave the pair as it is.
  enum class Relu6 { refuse, scale_ends, replace, skip };
  /// In which pairs s_i is at least a_i / max a, a_i the largest |activation| of channel i, so that
  /// no channel gets a wider range of activations than the layer had (Meller et al. 2019, arXiv
  /// 1902.01917, bound amplification this way): those with a clip whose ends are scaled, all, or
  /// none.
  enum class Bound { clips, all, none };
  double smallest;       ///< ranges that count as 0, as a share of the layer's largest
  double dead_variance;  ///< 0: no channel is dead by its norm
  double tolerance;      ///< of max |s - 1| in a sweep
  int64_t sweeps;        ///< at most
  Relu6 relu6;
  Bound bound;
  double deviations;  ///< a_i is that of beta +- deviations |gamma| after the activation
  std::vector<LinearPair> pairs;

  /// Reads the section and calls finish(). ConfigError: no pair in the net, a requested node that
  /// starts no pair (before a branch, an add), an activation between that can neither stay nor be
  /// replaced.
  static Equalization read(const Options& section, const Network& network);
  /// Whether apply() will replace the unit's activation by relu.
  bool replaces_activation(const Network& network, int unit) const;
  /// Whether apply() will give the unit's clip ends by channel.
  bool scales_ends(const Network& network, int unit) const;
  /// Rescales weights, biases, the norms' beta and gamma, and the ends of clips. Writes
  /// channelwise/repairs/equalization_scale (the product of all s of a channel), clip_low and
  /// clip_high (the ends by channel, where there are such), and networkwise/equalization_sweeps,
  /// equalization_residual (max |s - 1| of the last sweep).
  void apply(FoldedNetwork& net, Frame& report) const;

 private:
  bool acts_on(const Network& network, int unit) const;
};

}  // namespace quantdyn
