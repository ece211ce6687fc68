// Evaluating a whole split: logits of every image, accuracy and loss.
#pragma once

#include <vector>

#include "data/image_set.h"
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
/// The same, of all ranks, which call it together: each runs some of the images.
Predictions predict_over_ranks(Evaluator& evaluator, const Dataset& dataset,
                               const Standardization& standardization);
/// The logits [N,classes] of some images; taps are visited.
Tensor<float> logits_of(Evaluator& evaluator, const ImageSet& images);

}  // namespace quantdyn
