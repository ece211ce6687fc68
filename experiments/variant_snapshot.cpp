#include "experiments/variant_snapshot.h"

#include <algorithm>
#include <cmath>

#include "experiments/float_snapshot.h"
#include "experiments/tracking.h"
#include "stats/logits.h"
#include "stats/precision.h"

namespace quantdyn {
namespace {

constexpr int widest_levels = 8;  // bits up to which every code's value is written

RangeWidth width_of(const Scheme& scheme) {
  return [&scheme](double minimum, double maximum) {
    return scheme.quantizer->width({minimum, maximum});
  };
}

/// Copies int32 codes into the narrowest type that holds a code of this width.
template <typename T>
std::vector<T> narrow(const Tensor<int32_t>& codes) {
  std::vector<T> out;
  for (int32_t code : codes.values()) out.push_back(static_cast<T>(code));
  return out;
}

void set_codes(QuantizationEntry& entry, const Tensor<int32_t>& codes, bool is_signed,
               int bit_width) {
  entry.shape = codes.shape();
  if (bit_width <= 8 && is_signed)
    entry.codes = narrow<int8_t>(codes);
  else if (bit_width <= 8)
    entry.codes = narrow<uint8_t>(codes);
  else if (is_signed)
    entry.codes = narrow<int16_t>(codes);
  else
    entry.codes = narrow<uint16_t>(codes);
}

QuantizationEntry entry_of(const std::string& node, const std::string& tensor,
                           const QuantizedTensor& quantized) {
  const Quantization& q = *quantized.quantization;
  QuantizationEntry out;
  out.node = node;
  out.tensor = tensor;
  out.rows = q.entries();
  if (!quantized.codes.empty()) set_codes(out, quantized.codes, q.first_code() < 0, q.bit_width());
  int64_t at_smallest = 0;
  for (int64_t i = 0; i < q.entries(); ++i) {
    if (q.bit_width() <= widest_levels)
      std::ranges::copy(q.levels(i), std::back_inserter(out.levels));
    at_smallest += q.at_smallest_scale(i) ? 1 : 0;
    if (const auto affine = q.affine(i)) {
      out.scale.push_back(affine->scale);
      out.zero_point.push_back(affine->zero_point);
    }
  }
  out.facts = {{"bit_width", int64_t{q.bit_width()}},
               {"first_code", int64_t{q.first_code()}},
               {"entries_at_smallest_scale", at_smallest}};
  if (quantized.ranges.size() == 1) {
    out.facts.emplace_back("range_low", quantized.ranges[0].low);
    out.facts.emplace_back("range_high", quantized.ranges[0].high);
  }
  return out;
}

/// Channel precision of what was quantized, by the width that its scheme must cover.
void save_precisions(const QuantizedTwin& twin, const Variant& variant, Frame& frame) {
  for (const auto& [place, tensor] : twin.tensors()) {
    const bool is_weight = place.second == "weight";
    const Scheme& scheme = is_weight ? *variant.weights : *variant.activations;
    const std::string name = is_weight ? "folded_weight" : "output";
    if (frame.arrays().contains("channelwise/" + name + "/min"))
      save_channel_precision(frame, name, place.first, width_of(scheme),
                             scheme.quantizer->bit_width());
  }
}

}  // namespace

Snapshot variant_snapshot(const Network& folded, const Variant& variant, Fusing fusing,
                          const ImageSet& calibration, const ImageSet& probe, const Dataset& test,
                          const Predictions& reference, const StatisticKinds& kinds, int64_t epoch,
                          int64_t step) {
  QuantizedTwin twin(folded, variant, fusing);
  twin.quantize(calibration);
  Frame frame = make_frame(folded);
  track_weights(folded, kinds, frame, "folded_weight");
  if (variant.weights) track_weights(twin.network(), kinds, frame, "weight");
  twin.track(probe, kinds, frame);
  save_precisions(twin, variant, frame);
  save_network_precision(folded, "folded_weight", frame);
  const Predictions predictions = predict(twin.evaluator(), test, *probe.standardization);
  save(compare_logits(reference.logits.view(), predictions.logits.view(), reference.labels), frame);
  Snapshot out{epoch, step, variant.name, std::move(frame), saved_parameters(folded), {}};
  for (const auto& [place, tensor] : twin.tensors())
    out.quantization.push_back(entry_of(folded.units()[place.first].name, place.second, tensor));
  return out;
}

}  // namespace quantdyn
