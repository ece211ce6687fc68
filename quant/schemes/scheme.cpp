#include "quant/schemes/scheme.h"

namespace quantdyn {

std::shared_ptr<const Scheme> read_scheme(const Options& section) {
  const auto& estimators = RangeEstimatorRegistry::instance();
  const auto& quantizers = QuantizerRegistry::instance();
  const Options estimator =
      section.plugin("estimator", "minmax", "how ranges are chosen: " + estimators.names());
  const Options quantizer =
      section.plugin("quantizer", "affine",
                     "how values are coded: " + quantizers.names() + "; none: not quantized");
  auto out = std::make_shared<Scheme>();
  out->estimator = estimators.make(estimator);
  if (quantizer.plugin_name() == "none") {
    quantizer.finish();
    return nullptr;
  }
  out->quantizer = quantizers.make(quantizer);
  out->text =
      fmt::format("estimator: {}\nquantizer: {}", estimator.inline_yaml(), quantizer.inline_yaml());
  out->ranges_text =
      out->estimator->levels() == Levels::ignored ? estimator.inline_yaml() : out->text;
  return out;
}

}  // namespace quantdyn
