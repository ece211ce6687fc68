// A snapshot of the net as trained: statistics of weights and taps, accuracy, and the weights
// themselves.
#pragma once

#include "experiments/method/evaluation.h"
#include "experiments/method/gradients.h"
#include "experiments/method/quantized_twin.h"
#include "experiments/results/result.h"

namespace quantdyn {

/// The inputs of a snapshot of the net as trained.
struct FloatTask {
  const Network& network;
  Fusing fusing;
  const ImageSet& probe;
  const Dataset& test;
  const StatisticKinds& kinds;
  const GradientProbe* gradients;  ///< null: none
  RawTensorTask tensors;
  bool saves_weights;
  bool over_ranks;  ///< whether all ranks take it together; each gets it, without raw tensors
  int64_t epoch, step;
  std::string& folding_error;  ///< set where a batch norm cannot be folded
  Predictions& predictions;    ///< set to those of the test set
};

/// Moves statistics, precision (asymmetric widths), accuracy and whatever else is requested of a
/// float net into a snapshot. `folded_weight` is the weight with its batch norm folded in; weights
/// that overflow when folded leave it out, and FloatTask::folding_error says why.
Snapshot float_snapshot(const FloatTask& task);

/// Masters of all parameters, running statistics included.
std::vector<SavedParameter> saved_parameters(const Network& network);

/// Mean over the convolutions of layerwise/<tensor>/average_channel_precision, written as
/// networkwise/average_channel_precision; returns it.
double save_network_precision(const Network& network, const std::string& tensor, Frame& frame);

}  // namespace quantdyn
