// How one kind of tensor is quantized: values -> ranges -> codes.
#pragma once

#include <memory>

#include "quant/quantizer.h"
#include "quant/range_estimator.h"

namespace quantdyn {

struct Scheme {
  std::unique_ptr<RangeEstimator> estimator;
  std::unique_ptr<Quantizer> quantizer;
};

/// Reads `estimator` and `quantizer` of a section.
Scheme read_scheme(const Options& section);

}  // namespace quantdyn
