// A snapshot of the net as trained: statistics of weights and taps, accuracy, and the weights
// themselves.
#pragma once

#include "experiments/quantized_twin.h"
#include "experiments/result.h"

namespace quantdyn {

/// Moves statistics, precision (asymmetric widths), accuracy and weights of a float net into a
/// snapshot. `folded_weight` is the weight with its batch norm folded in.
Snapshot float_snapshot(const Network& network, Fusing fusing, const ImageSet& probe,
                        const Dataset& test, const StatisticKinds& kinds, int64_t epoch,
                        int64_t step);

/// Masters of all parameters, running statistics included.
std::vector<SavedParameter> saved_parameters(const Network& network);

/// Mean over the convolutions of layerwise/<tensor>/average_channel_precision, written as
/// networkwise/average_channel_precision; returns it.
double save_network_precision(const Network& network, const std::string& tensor, Frame& frame);

}  // namespace quantdyn
