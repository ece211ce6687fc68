// What is known of a folded net's activations without data: each channel as a normal distribution.
#pragma once

#include <string>
#include <vector>

#include "quant/folding/folding.h"

namespace quantdyn {

/// Mean and variance by channel; empty where nothing is known.
struct ChannelMoments {
  std::vector<double> mean, variance;
};

/// Of a normal variable of this mean and deviation, clipped to the ends (which may be infinite).
/// Nagel et al. 2019 (arXiv 1906.04721), appendix A, equations 19 and 20.
struct ClippedNormal {
  double mean, variance;
};
ClippedNormal clipped_normal(double mean, double deviation, const Ends& ends);

/// The moments of every unit's output. A unit with a folded norm has beta and |gamma| before its
/// activation; a sum those of its inputs, as if they were independent; what passes means on passes
/// the moments on (averages, flatten). Nothing is known after any other layer, nor after an
/// activation that is no clip.
std::vector<ChannelMoments> output_moments(const FoldedNetwork& net, const ChannelMoments& input);

/// Why output_moments() will not know what the unit reads, by the unfolded net; empty where it
/// will.
std::string unknown_input_moments(const Network& network, int unit);

}  // namespace quantdyn
