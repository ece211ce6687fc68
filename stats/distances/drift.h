// Drift: how far a layer's weights and distributions are from what they were before.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "framework/h5/frame.h"

namespace quantdyn {

/// Weights w beside earlier ones w0, by channel and of the layer.
struct WeightDrift {
  std::vector<double> relative;  ///< ||w - w0|| / ||w0||; infinite or NaN where w0 is all zero
  std::vector<double> cosine;    ///< w . w0 / (||w|| ||w0||); NaN where one is all zero
  double layer_relative, layer_cosine;
};

/// `now` and `before` are [rows, channels], channels innermost. Of equal weights exactly 0 and 1.
/// Throws Error where the sizes do not fit.
WeightDrift weight_drift(std::span<const float> now, std::span<const float> before,
                         int64_t channels);
/// All NaN: there is nothing before.
WeightDrift no_weight_drift(int64_t channels);
/// Writes {channel,layer}wise/weight/{drift,cosine}_from_<since>, since = "start" or "previous".
void save_weight_drift(const WeightDrift& drift, const std::string& since, Frame& frame,
                       int64_t node);

/// A layer's distribution as it was: what a frame holds of it.
struct KeptDistribution {
  std::vector<uint64_t> counts;  ///< [bins]; empty: the frame had none
  double minimum, maximum;
};
KeptDistribution keep_distribution(const Frame& frame, const std::string& tensor, int64_t node);

/// Writes layerwise/<tensor>/{js,wasserstein}_from_<since> of a node that has a histogram: between
/// what the frame holds and what was kept; NaN where nothing was (null, or no counts).
void save_distribution_drift(const KeptDistribution* before, const std::string& since, Frame& frame,
                             const std::string& tensor, int64_t node);

}  // namespace quantdyn
