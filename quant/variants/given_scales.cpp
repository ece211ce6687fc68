#include "quant/variants/given_scales.h"

namespace quantdyn {
namespace {

/// Stands where a scheme needs an estimator.
class GivenRanges final : public RangeEstimator {
 public:
  std::unique_ptr<RangeObserver> observe(const RangeTask& task) const override {
    throw_error("{}: has a given scale; nothing estimates its range", task.tensor);
  }
};

std::shared_ptr<const Scheme> scheme_of(const GivenScale& scale, const std::string& source) {
  const Options section = Options::from_text(
      fmt::format("quantizer: {{name: affine, profile: onnx, bit_width: {}, signed: {}, "
                  "granularity: {}}}",
                  scale.bit_width, scale.is_signed,
                  scale.scale.size() == 1 ? "per_tensor" : "per_channel"),
      source);
  const Options quantizer = section.plugin("quantizer", std::nullopt, "");
  auto out = std::make_shared<Scheme>();
  out->estimator = std::make_unique<GivenRanges>();
  out->quantizer = QuantizerRegistry::instance().make(quantizer);
  out->text = fmt::format("estimator: {{name: given, from: \"{}\"}}\nquantizer: {}", source,
                          quantizer.inline_yaml());
  return out;
}

}  // namespace

std::vector<AffineParameters> GivenScale::parameters() const {
  std::vector<AffineParameters> out;
  for (size_t i = 0; i < scale.size(); ++i)
    out.push_back({scale[i], static_cast<int32_t>(zero_point[i])});
  return out;
}

std::vector<Range> GivenScale::ranges() const {
  const int64_t codes = int64_t{1} << bit_width, lowest = is_signed ? -codes / 2 : 0;
  std::vector<Range> out;
  for (size_t i = 0; i < scale.size(); ++i) {
    const double step = scale[i];
    out.push_back({step * static_cast<double>(lowest - zero_point[i]),
                   step * static_cast<double>(lowest + codes - 1 - zero_point[i])});
  }
  return out;
}

std::vector<UnitSchemes> schemes_of(const GivenScales& given, const Network& network) {
  std::vector<UnitSchemes> out(network.units().size());
  for (const auto& [id, scale] : given.tensors)
    (id.role == TensorRole::weight ? out[id.unit].weight : out[id.unit].output) =
        scheme_of(scale, given.source);
  return out;
}

}  // namespace quantdyn
