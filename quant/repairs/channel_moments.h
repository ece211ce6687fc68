// What is known of a folded net's activations without data: each channel as a normal distribution.
#pragma once

#include <vector>

#include "quant/folding/folding.h"

namespace quantdyn {

/// Mean and variance by channel; empty where nothing is known.
struct ChannelMoments {
  std::vector<double> mean, variance;
};

/// Of a normal variable of this mean and deviation, clipped to [0, high] (high may be infinity).
/// Nagel et al. 2019 (arXiv 1906.04721), appendix A, equations 19 and 20.
struct ClippedNormal {
  double mean, variance;
};
ClippedNormal clipped_normal(double mean, double deviation, double high);

/// The moments of every unit's output. A unit with a folded norm has beta and |gamma| before its
/// activation; an add those of its inputs' sum, as if they were independent; averages, and flatten,
/// pass them on. Nothing is known after a layer without a norm or a max pool.
std::vector<ChannelMoments> output_moments(const FoldedNetwork& net, const ChannelMoments& input);

/// Whether output_moments() will know what the unit reads, by the unfolded net.
bool knows_input_moments(const Network& network, int unit);

}  // namespace quantdyn
