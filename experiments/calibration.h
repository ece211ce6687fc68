// Calibration: what a variant's range estimators see of activations.
#pragma once

#include <map>

#include "data/standardize.h"
#include "framework/evaluator.h"
#include "quant/quantize.h"
#include "quant/repairs/calibration_run.h"
#include "quant/variant.h"

namespace quantdyn {

/// Images by index, of one split, as the net reads them.
struct ImageSet {
  const Dataset* dataset;
  const Standardization* standardization;
  std::vector<int64_t> indices;
};
/// By image; none where the dataset has none.
std::vector<int32_t> labels_of(const ImageSet& images);
/// Shows all of them to a net; the set outlives what is returned.
CalibrationRun run_over(const ImageSet& images);

/// Fits the variant's quantizers to the outputs of a net without transforms, by unit; estimators
/// that ask for more passes get them. Throws Error that names node and image where a value is NaN
/// or infinite.
std::map<int, QuantizedTensor> calibrate(Evaluator& net, const Variant& variant,
                                         const ImageSet& images);

}  // namespace quantdyn
