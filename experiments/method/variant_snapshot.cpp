#include "experiments/method/variant_snapshot.h"

#include <algorithm>
#include <cmath>

#include "experiments/method/float_snapshot.h"
#include "experiments/method/integer_check.h"
#include "experiments/method/repair_gain.h"
#include "experiments/method/scales.h"
#include "experiments/method/sensitivity.h"
#include "experiments/method/simulation_difference.h"
#include "experiments/method/tracking.h"
#include "stats/errors/logits.h"
#include "stats/scales/precision.h"

namespace quantdyn {
namespace {

constexpr int widest_levels = 8;  // the most bits for which every code's value is written

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

const Scheme& scheme_of(const Variant& variant, const TensorId& id) {
  const UnitSchemes& unit = variant.units[id.unit];
  return id.role == TensorRole::weight ? *unit.weight : *unit.output;
}

QuantizationEntry entry_of(const std::string& node, const IntegerBias& bias) {
  QuantizationEntry out;
  out.node = node;
  out.tensor = to_string(TensorRole::bias);
  out.rows = static_cast<int64_t>(bias.scale.size());
  out.shape = bias.codes.shape();
  out.codes = std::vector<int32_t>(bias.codes.values().begin(), bias.codes.values().end());
  out.scale = bias.scale;
  out.zero_point.assign(bias.scale.size(), 0);
  out.facts = {{"bit_width", int64_t{32}}};
  return out;
}

QuantizationEntry entry_of(const std::string& node, TensorRole role,
                           const QuantizedTensor& quantized, const Scheme& scheme,
                           Variant::Bias bias) {
  const Quantization& q = *quantized.quantization;
  QuantizationEntry out;
  out.node = node;
  out.tensor = to_string(role);
  out.rows = q.entries();
  if (!quantized.codes.empty()) set_codes(out, quantized.codes, q.first_code() < 0, q.bit_width());
  int64_t at_smallest = 0, widened = 0;
  for (int64_t i = 0; i < q.entries(); ++i) {
    if (q.bit_width() <= widest_levels)
      std::ranges::copy(q.levels(i), std::back_inserter(out.levels));
    at_smallest += q.at_smallest_scale(i) ? 1 : 0;
    if (const auto affine = q.affine(i)) {
      out.scale.push_back(affine->scale);
      out.zero_point.push_back(affine->zero_point);
      widened += affine->is_widened ? 1 : 0;
    }
  }
  out.facts = {{"bit_width", int64_t{q.bit_width()}},
               {"first_code", int64_t{q.first_code()}},
               {"entries_at_smallest_scale", at_smallest},
               {"scheme", scheme.text}};
  if (role == TensorRole::weight && bias == Variant::Bias::int32)
    out.facts.emplace_back("entries_widened_for_bias", widened);
  if (quantized.ranges.size() == 1) {
    out.facts.emplace_back("range_low", quantized.ranges[0].low);
    out.facts.emplace_back("range_high", quantized.ranges[0].high);
  }
  return out;
}

void set_convergence(QuantizationEntry& entry, const Convergence& convergence, int unit) {
  const auto found = convergence.ranges.find(unit);
  if (found == convergence.ranges.end()) return;
  entry.convergence_images = convergence.images;
  for (const std::vector<Range>& ranges : found->second)
    for (const Range& range : ranges) {
      entry.convergence_low.push_back(range.low);
      entry.convergence_high.push_back(range.high);
    }
}

/// Channel precision of the quantized tensors, by the width that their scheme must cover.
void save_precisions(const QuantizedTwin& twin, const Variant& variant, Frame& frame) {
  for (const auto& [id, tensor] : twin.tensors()) {
    const Scheme& scheme = scheme_of(variant, id);
    const std::string name = id.role == TensorRole::weight ? "folded_weight" : "output";
    if (frame.arrays().contains("channelwise/" + name + "/min"))
      save_channel_precision(frame, name, id.unit, width_of(scheme), scheme.quantizer->bit_width());
  }
}

/// Activations of another kind than in the net before its repairs.
std::vector<ReplacedActivation> replaced_activations(const Network& before, const Network& after) {
  std::vector<ReplacedActivation> out;
  for (size_t i = 0; i < after.nodes().size(); ++i)
    if (after.nodes()[i].kind != before.nodes()[i].kind)
      out.push_back({after.nodes()[i].name, after.nodes()[i].kind});
  return out;
}

}  // namespace

Snapshot variant_snapshot(const VariantTask& task) {
  const Variant& variant = task.variant;
  Frame frame = make_frame(task.folded.network);
  QuantizedTwin twin(task.folded, variant, task.fusing, task.simulation, frame);
  twin.quantize(task.calibration, task.trained, task.rng, frame, task.note, &task.known);
  const Network& net = twin.float_network();
  if (variant.fold) track_weights(net, task.kinds, frame, "folded_weight");
  if (variant.quantizes_weights()) track_weights(twin.network(), task.kinds, frame, "weight");
  {
    const RawTensors raw(task.tensors, twin.evaluator());
    twin.track(task.probe, task.kinds, frame);
  }
  save_precisions(twin, variant, frame);
  save_network_precision(net, "folded_weight", frame);
  save_variant_scales(net, frame);
  const Predictions predictions = [&] {
    Evaluator compact = twin.logits_evaluator();
    return predict(compact, task.test, *task.probe.standardization);
  }();
  save(compare_logits(task.reference.logits.view(), predictions.logits.view(),
                      task.reference.labels),
       frame);
  save_simulation_difference(twin, task.fusing, task.probe, frame);
  save_precision_gain(task, net, frame);
  save_repair_gain(task, predictions, frame);
  if (!task.sensitivity.indices.empty())
    save_sensitivity(twin, task.sensitivity, task.fusing, frame, task.note);
  if (!task.integer.indices.empty()) save_integer_check(twin, task.integer, frame, task.note);
  Snapshot out{.epoch = task.epoch,
               .step = task.step,
               .variant = variant.name,
               .frame = std::move(frame),
               .weights = {},
               .quantization = {},
               .replaced_activations = replaced_activations(task.folded.network, net)};
  if (task.saves_weights) out.weights = saved_parameters(twin.network());
  for (const auto& [id, tensor] : twin.tensors()) {
    out.quantization.push_back(
        entry_of(net.units()[id.unit].name, id.role, tensor, scheme_of(variant, id), variant.bias));
    if (id.role == TensorRole::output)
      set_convergence(out.quantization.back(), twin.convergence(), id.unit);
  }
  for (const auto& [unit, bias] : twin.biases())
    if (!bias.codes.empty()) out.quantization.push_back(entry_of(net.units()[unit].name, bias));
  return out;
}

}  // namespace quantdyn
