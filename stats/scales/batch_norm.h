// Batch norm by channel: its parameters, what folding does to ranges, running against batch
// statistics.
#pragma once

#include <cstdint>
#include <span>

#include "framework/h5/frame.h"

namespace quantdyn {

/// y = gamma (x - mean) / sqrt(variance + epsilon) + beta (Ioffe & Szegedy 2015), [channels] each;
/// mean and variance are the running ones.
struct NormParameters {
  std::span<const float> gamma, beta, mean, variance;
  double epsilon;
};

/// Writes channelwise/batch_norm/{gamma,beta,running_mean,running_std,gamma_over_sigma}; the last
/// is what folding multiplies a channel's weights by. Throws Error unless all have one value per
/// channel.
void save_norm_parameters(const NormParameters& norm, Frame& frame, int64_t node);

/// Writes channelwise/batch_norm/{batch_mean_shift,batch_std_ratio} and
/// layerwise/batch_norm/{average_mean_shift,average_log2_std_ratio}: how far the statistics of the
/// norm's inputs on the probe images (channelwise/conv/{mean,std}, of `moments`) are from the
/// running ones. The averages leave out channels whose running deviation is 0; that of the ratio
/// also those without deviation on the probe images. Writes nothing without moments of conv.
void save_norm_shift(const NormParameters& norm, Frame& frame, int64_t node);

/// Writes channelwise/folded_weight/range_over_unfolded, a channel's folded range over its range as
/// trained (NaN if that is 0), and layerwise/folded_weight/range_over_unfolded_spread, the largest
/// over the smallest of these that is not 0. Writes nothing if the frame has no such ranges.
void save_folding_ranges(Frame& frame, int64_t node);

}  // namespace quantdyn
