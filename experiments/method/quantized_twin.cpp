#include "experiments/method/quantized_twin.h"

#include "experiments/method/tracking.h"
#include "framework/base/threads.h"
#include "quant/folding/linear_pairs.h"
#include "quant/schemes/selection.h"

namespace quantdyn {
namespace {

int64_t channels_of(const Network& network, int unit) {
  return network.nodes()[network.units()[unit].last].shape.channels();
}

/// The grid of one entry; none if it is not affine or wider than a byte.
std::optional<CodeGrid> grid_of(const Quantization& quantization, int64_t entry) {
  const auto affine = quantization.affine(entry);
  if (!affine || quantization.bit_width() > 8) return {};
  const auto [lowest, highest] = quantization.given_codes(entry);
  return CodeGrid{affine->scale, affine->zero_point, lowest, highest};
}

FoldedNetwork repaired(const FoldedNetwork& folded, const Repairs& repairs, Frame& report) {
  FoldedNetwork out = folded.clone();
  repairs.apply(out, report);
  return out;
}

}  // namespace

QuantizedTwin::QuantizedTwin(const FoldedNetwork& folded, const Variant& variant, Fusing fusing,
                             Simulation simulation, Frame& report)
    : variant_(variant),
      fusing_(fusing),
      simulation_(simulation),
      float_(repaired(folded, variant.repairs, report)),
      network_(float_.network.clone()),
      evaluator_(network_, fusing, ConvolutionAlgorithm::direct, Keep::all) {}

void QuantizedTwin::quantize(const ImageSet& calibration, const TrainedRanges& trained,
                             const Rng& rng, Frame& report, const WorkNote& note,
                             KnownRanges* known) {
  const ImageBatches batches = batches_of(calibration);
  const Repairs& repairs = variant_.repairs;
  quantize_outputs(calibration, trained, note, repairs.any() ? nullptr : known);
  quantize_weights(trained);
  if (repairs.bias_correction || repairs.adaround) {
    Evaluator reference(float_.network, fusing_, ConvolutionAlgorithm::direct, Keep::all);
    std::vector<int> corrected;
    for (const auto& [id, tensor] : tensors_)
      if (id.role == TensorRole::weight) corrected.push_back(id.unit);
    if (repairs.bias_correction)
      repairs.bias_correction->apply(corrected, float_, reference, network_, evaluator_, batches,
                                     report);
    if (repairs.adaround)
      repairs.adaround->apply(tensors_, reference, network_, evaluator_, batches,
                              rng.fork("adaround"), report, note);
  }
  if (repairs.recalibrate) quantize_outputs(calibration, trained, note, nullptr);
  if (variant_.bias == Variant::Bias::int32) round_biases();
  coded_units_ = give_codes(evaluator_);
}

void QuantizedTwin::correct_biases(const std::vector<int>& units, const ImageSet& calibration,
                                   Frame& report) {
  Evaluator reference(float_.network, fusing_, ConvolutionAlgorithm::direct, Keep::logits);
  const BiasCorrection correction =
      BiasCorrection::read(Options::from_text("{}", "correct_bias"), network_);
  const ImageBatches batches = batches_of(calibration);
  for (int unit : units) {
    correction.apply({unit}, float_, reference, network_, evaluator_, batches, report);
    if (variant_.bias == Variant::Bias::int32) round_biases();
  }
}

void QuantizedTwin::quantize_outputs(const ImageSet& calibration, const TrainedRanges& trained,
                                     const WorkNote& note, KnownRanges* known) {
  evaluator_.clear_taps();
  std::map<int, QuantizedTensor> outputs;
  for (const auto& [id, scale] : variant_.given)
    if (id.role == TensorRole::output)
      outputs[id.unit] =
          quantize_output(*variant_.units[id.unit].output, name_of(network_, id),
                          channels_of(network_, id.unit), scale.ranges(), scale.parameters());
  if (variant_.given.empty() && trained.empty()) {
    convergence_ = converging_ranges(evaluator_, variant_, calibration, note);
    outputs = calibrate(evaluator_, variant_, calibration, known);
  } else {
    for (const auto& [id, ranges] : trained)
      if (id.role == TensorRole::output)
        outputs[id.unit] = quantize_output(*variant_.units[id.unit].output, name_of(network_, id),
                                           channels_of(network_, id.unit), ranges);
  }
  for (auto& [unit, fitted] : outputs) {
    QuantizedTensor& tensor = tensors_[{unit, TensorRole::output}] = std::move(fitted);
    evaluator_.tap(unit, TapKind::output).transform = tensor.quantization.get();
  }
}

void QuantizedTwin::quantize_weights(const TrainedRanges& trained) {
  for (int unit : units_with_weight(network_)) {
    const Scheme* const scheme = variant_.units[unit].weight.get();
    if (scheme == nullptr) continue;
    const auto given = variant_.given.find({unit, TensorRole::weight});
    if (given != variant_.given.end()) {
      tensors_[{unit, TensorRole::weight}] = quantize_weight(
          *scheme, name_of(network_, {unit, TensorRole::weight}), *linear_of(network_, unit).weight,
          given->second.ranges(), {}, given->second.parameters());
      continue;
    }
    const auto ranges = trained.find({unit, TensorRole::weight});
    tensors_[{unit, TensorRole::weight}] = quantize_weight(
        *scheme, name_of(network_, {unit, TensorRole::weight}), *linear_of(network_, unit).weight,
        ranges == trained.end() ? std::vector<Range>{} : ranges->second,
        variant_.bias == Variant::Bias::int32 ? least_weight_scales(unit) : std::vector<double>{});
  }
  evaluator_.prepare();
}

Evaluator QuantizedTwin::logits_evaluator() const {
  Evaluator out(network_, fusing_, ConvolutionAlgorithm::direct, Keep::logits);
  for (const auto& [id, tensor] : tensors_)
    if (id.role == TensorRole::output)
      out.tap(id.unit, TapKind::output).transform = tensor.quantization.get();
  give_codes(out);
  return out;
}

int QuantizedTwin::give_codes(Evaluator& evaluator) const {
  if (simulation_ == Simulation::float32) return 0;
  int given = 0;
  for (const auto& [id, tensor] : tensors_) {
    if (id.role != TensorRole::weight) continue;
    const int source = variant_.quantized_source(network_, id.unit);
    if (source < 0 || input_quantization(id.unit).entries() > 1) continue;
    const auto input = grid_of(input_quantization(id.unit), 0);
    if (!input || !grid_of(*tensor.quantization, 0)) continue;
    ProductCodes codes{*input, {}, {}};
    codes.weight.assign(tensor.codes.values().begin(), tensor.codes.values().end());
    std::vector<CodeGrid> grids;
    for (int64_t entry = 0; entry < tensor.quantization->entries(); ++entry)
      grids.push_back(*grid_of(*tensor.quantization, entry));
    for (int64_t k = 0; k < tensor.codes.shape().channels(); ++k)
      codes.weight_grids.push_back(grids[tensor.quantization->entry_of(k)]);
    given += evaluator.take_codes(id.unit, codes) ? 1 : 0;
  }
  return given;
}

const Quantization& QuantizedTwin::input_quantization(int unit) const {
  const int source = variant_.quantized_source(network_, unit);
  return *tensors_.at({source, TensorRole::output}).quantization;
}

std::vector<double> QuantizedTwin::least_weight_scales(int unit) const {
  return least_scales(linear_of(network_, unit), input_quantization(unit),
                      variant_.units[unit].weight->quantizer->granularity());
}

void QuantizedTwin::round_biases() {
  for (int unit : units_with_weight(network_))
    biases_[unit] =
        round_bias(name_of(network_, {unit, TensorRole::bias}), linear_of(network_, unit),
                   input_quantization(unit), *tensors_.at({unit, TensorRole::weight}).quantization);
  evaluator_.prepare();
}

void QuantizedTwin::track(const ImageSet& probe, const StatisticKinds& kinds, Frame& frame) {
  TapTrackers trackers(evaluator_, kinds);
  {
    OutputErrors errors(evaluator_, float_.network, fusing_, tensors_);
    for_image_batches(probe, [&](View<const float> x, int64_t count, int64_t first_chunk) {
      parallel_chunks(count, [&](const Chunk& chunk) {
        errors.run_chunk(x.slice(chunk.first, images_per_chunk), chunk.images,
                         first_chunk + chunk.index, chunk.worker);
      });
    });
    errors.save(frame);
  }  // its observers see the images once
  trackers.finish(probe, frame);
  save_weight_errors(network_, float_.network, tensors_, frame);
}

}  // namespace quantdyn
