// Calibration: what a variant's range estimators see of activations.
#pragma once

#include <map>

#include "data/image_set.h"
#include "framework/base/rng.h"
#include "framework/run/evaluator.h"
#include "quant/repairs/calibration_run.h"
#include "quant/schemes/quantize.h"
#include "quant/variants/variant.h"

namespace quantdyn {

/// Indices of the training images that calibration sees; shuffles are `rng`'s. Throws ConfigError
/// where a balanced choice has no labels, or too few images of a class.
std::vector<int64_t> chosen_images(const CalibrationChoice& choice, const Dataset& training,
                                   const Rng& rng);
/// Shows all of them to a net; the set outlives what is returned.
CalibrationRun run_over(const ImageSet& images);

/// Fits the variant's quantizers to the outputs of a net without transforms, by unit; estimators
/// that ask for more passes get them. Throws Error that names node and image where a value is NaN
/// or infinite.
std::map<int, QuantizedTensor> calibrate(Evaluator& net, const Variant& variant,
                                         const ImageSet& images);

/// How ranges settle: those of the first `images[i]` calibration images, by unit.
struct Convergence {
  std::vector<int64_t> images;
  std::map<int, std::vector<std::vector<Range>>> ranges;  ///< by unit: by i, by entry
};
/// Calibrates once for each of the variant's numbers of images, and keeps only the ranges.
Convergence converging_ranges(Evaluator& net, const Variant& variant, const ImageSet& images,
                              const WorkNote& note);

}  // namespace quantdyn
