// Drift: how far a layer's weights and distributions have moved since an earlier snapshot.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "framework/h5/frame.h"

namespace quantdyn {

/// Weights w beside earlier ones w0, by channel and of the layer.
struct WeightDrift {
  std::vector<double> relative;  ///< ||w - w0|| / ||w0||; infinite or NaN if w0 is all zero
  std::vector<double> cosine;    ///< w . w0 / (||w|| ||w0||); NaN if one is all zero
  double layer_relative, layer_cosine;
};

/// `now` and `before` are [rows, channels], channels innermost. Exactly 0 and 1 for equal weights.
/// Throws Error if the sizes do not fit.
WeightDrift weight_drift(std::span<const float> now, std::span<const float> before,
                         int64_t channels);
/// All NaN: there is no earlier snapshot.
WeightDrift no_weight_drift(int64_t channels);
/// Writes {channel,layer}wise/weight/{drift,cosine}_from_<since>, since = "start" or "previous".
void save_weight_drift(const WeightDrift& drift, const std::string& since, Frame& frame,
                       int64_t node);

/// A layer's earlier distribution, kept from its frame.
struct KeptDistribution {
  std::vector<uint64_t> counts;  ///< [bins]; empty: the frame had none
  double minimum, maximum;
};
KeptDistribution keep_distribution(const Frame& frame, const std::string& tensor, int64_t node);

/// Writes layerwise/<tensor>/{js,wasserstein}_from_<since> of a node that has a histogram: between
/// what the frame holds and what was kept; NaN if nothing was kept (null, or no counts).
void save_distribution_drift(const KeptDistribution* before, const std::string& since, Frame& frame,
                             const std::string& tensor, int64_t node);

}  // namespace quantdyn
