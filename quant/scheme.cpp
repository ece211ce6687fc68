#include "quant/scheme.h"

namespace quantdyn {

Scheme read_scheme(const Options& section) {
  const auto& estimators = RangeEstimatorRegistry::instance();
  const auto& quantizers = QuantizerRegistry::instance();
  return {estimators.make(section.plugin("estimator", "minmax",
                                         "how ranges are chosen: " + estimators.names())),
          quantizers.make(section.plugin("quantizer", "affine",
                                         "how values are coded: " + quantizers.names()))};
}

}  // namespace quantdyn
