// A snapshot of one quantized variant: its twin's statistics and errors, and what was quantized.
#pragma once

#include "experiments/method/quantized_twin.h"
#include "experiments/method/raw_tensors.h"
#include "experiments/results/result.h"

namespace quantdyn {

/// The inputs of a variant's snapshot.
struct VariantTask {
  const FoldedNetwork& folded;  ///< with its norms if the variant does not fold
  const Variant& variant;
  Fusing fusing;
  Simulation simulation;
  ImageSet calibration, probe;
  ImageSet sensitivity, integer;  ///< empty: no such table
  const Dataset& test;
  const Predictions& reference;  ///< of the float net, as trained, on the test set
  KnownRanges& known;            ///< of the outputs of `folded`
  const StatisticKinds& kinds;
  TrainedRanges trained;  ///< empty: the variant's estimators choose
  int64_t epoch, step;
  Rng rng;
  WorkNote note;
  RawTensorTask tensors;
  bool saves_weights;
};

/// Quantizes the folded net as the variant says and fills a snapshot.
Snapshot variant_snapshot(const VariantTask& task);

}  // namespace quantdyn
