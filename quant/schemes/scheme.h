// How one kind of tensor is quantized: values -> ranges -> codes.
#pragma once

#include <memory>
#include <string>

#include "quant/quantizers/quantizer.h"
#include "quant/ranges/range_estimator.h"

namespace quantdyn {

struct Scheme {
  std::unique_ptr<RangeEstimator> estimator;
  std::unique_ptr<Quantizer> quantizer;
  std::string text;         ///< both with every option, as YAML, for the record
  std::string ranges_text;  ///< of what decides its ranges, but for the granularity
};

/// Reads `estimator` and `quantizer` of a section; null if the quantizer is `none`.
std::shared_ptr<const Scheme> read_scheme(const Options& section);

}  // namespace quantdyn
