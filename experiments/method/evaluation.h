// Evaluating a whole split: logits of every image, accuracy and loss.
#pragma once

#include <vector>

#include "data/loader.h"
#include "framework/run/evaluator.h"

namespace quantdyn {

/// A net's predictions for a split, in the dataset's order.
struct Predictions {
  Tensor<float> logits;         ///< [N,classes]
  std::vector<int32_t> labels;  ///< [N]; empty if the dataset has none
};

/// Runs every image of a split through the net; taps are visited.
Predictions predict(Evaluator& evaluator, const Dataset& dataset,
                    const Standardization& standardization);

}  // namespace quantdyn
