// What is known of a folded net's activations without data: each channel as a normal distribution.
#pragma once

#include <string>
#include <vector>

#include "quant/folding/folding.h"

namespace quantdyn {

/// Mean and variance by channel; empty if unknown.
struct ChannelMoments {
  std::vector<double> mean, variance;
};

/// The moments of a normal variable that is clipped to the ends (which may be infinite).
/// Nagel et al. 2019 (arXiv 1906.04721), appendix A, equations 19 and 20.
struct ClippedNormal {
  double mean, variance;
};
ClippedNormal clipped_normal(double mean, double deviation, const Ends& ends);

/// The moments of every unit's output. A unit with a folded norm has beta and |gamma| before its
/// activation. A sum has the sum of its inputs' moments, as if they were independent. Layers that
/// pass means on (averages, flatten) pass the moments on. They are unknown after any other layer,
/// and after an activation that is not a clip.
std::vector<ChannelMoments> output_moments(const FoldedNetwork& net, const ChannelMoments& input);

/// Why output_moments() cannot know the moments of the unit's input, found from the unfolded net;
/// empty if it can.
std::string unknown_input_moments(const Network& network, int unit);

}  // namespace quantdyn
