#include "experiments/quantized_twin.h"

#include <algorithm>

#include "experiments/tracking.h"
#include "framework/threads.h"
#include "quant/linear_pairs.h"
#include "quant/selection.h"
#include "stats/error.h"

namespace quantdyn {
namespace {

std::string tap_name(const Network& network, int unit, const std::string& tensor) {
  return network.units()[unit].name + "/" + tensor;
}

/// Feeds the rows of both outputs' real images to an observer, as one tile.
void compare(PairObserver& errors, View<const float> reference, View<const float> quantized,
             int64_t images, int64_t chunk, int worker) {
  const Shape one = reference.shape.of_one();
  const auto tile = [&](const float* values) {
    return Tile{values, images * one.rows(), one.channels(), one.channels(), 0, 0, chunk, worker};
  };
  errors.add(tile(reference.data), tile(quantized.data));
  errors.end_chunk(chunk, worker);
}

FoldedNetwork mended(const FoldedNetwork& folded, const Repairs& repairs, Frame& report) {
  FoldedNetwork out = folded.clone();
  repairs.mend(out, report);
  return out;
}

}  // namespace

std::vector<int32_t> labels_of(const ImageSet& images) {
  std::vector<float> pixels(static_cast<size_t>(images.dataset->sample_shape().elements()));
  std::vector<int32_t> out;
  for (int64_t i : images.indices)
    out.push_back(static_cast<int32_t>(images.dataset->get(i, pixels.data())));
  return out;
}

QuantizedTwin::QuantizedTwin(const FoldedNetwork& folded, const Variant& variant, Fusing fusing,
                             Frame& report)
    : variant_(variant),
      fusing_(fusing),
      float_(mended(folded, variant.repairs, report)),
      network_(float_.network.clone()),
      evaluator_(network_, fusing, ConvolutionAlgorithm::direct, Keep::all) {}

void QuantizedTwin::quantize(const ImageSet& calibration, const Rng& rng, Frame& report,
                             const WorkNote& note) {
  const CalibrationRun run = [&](Evaluator& evaluator) {
    for_image_batches(*calibration.dataset, *calibration.standardization, calibration.indices,
                      [&](View<const float> x, int64_t count, int64_t first_chunk) {
                        evaluator.run(x, count, first_chunk, {});
                      });
  };
  const Repairs& repairs = variant_.repairs;
  calibrate(run);
  quantize_weights();
  if (repairs.bias_correction || repairs.adaround) {
    Evaluator reference(float_.network, fusing_, ConvolutionAlgorithm::direct, Keep::logits);
    std::vector<int> corrected;
    for (const auto& [place, tensor] : tensors_)
      if (place.second == "weight") corrected.push_back(place.first);
    if (repairs.bias_correction)
      repairs.bias_correction->apply(corrected, float_, reference, evaluator_, run, report);
    if (repairs.adaround)
      repairs.adaround->apply(tensors_, reference, evaluator_, run, rng.fork("adaround"), report,
                              note);
  }
  if (repairs.recalibrate) calibrate(run);
  if (variant_.bias == Variant::Bias::int32) round_biases();
}

void QuantizedTwin::calibrate(const CalibrationRun& run) {
  evaluator_.clear_taps();
  std::map<int, std::unique_ptr<SchemeObserver>> observers;
  for (int unit = 0; unit < static_cast<int>(network_.units().size()); ++unit) {
    if (!variant_.units[unit].output) continue;
    const int64_t channels = network_.nodes()[network_.units()[unit].last].shape.channels();
    observers[unit] = std::make_unique<SchemeObserver>(
        *variant_.units[unit].output, tap_name(network_, unit, "output"), channels);
    evaluator_.tap(unit, TapKind::output).before.push_back(observers[unit].get());
  }
  for (bool any = !observers.empty(); any;) {
    run(evaluator_);
    evaluator_.clear_taps();
    any = false;
    for (const auto& [unit, observer] : observers) {
      if (!observer->wants_another_pass()) continue;
      evaluator_.tap(unit, TapKind::output).before.push_back(observer.get());
      any = true;
    }
  }
  for (const auto& [unit, observer] : observers) {
    QuantizedTensor& tensor = tensors_[{unit, "output"}] = observer->quantize();
    evaluator_.tap(unit, TapKind::output).transform = tensor.quantization.get();
  }
}

void QuantizedTwin::quantize_weights() {
  for (int unit : units_with_weight(network_))
    if (const Scheme* const scheme = variant_.units[unit].weight.get())
      tensors_[{unit, "weight"}] = quantize_weight(*scheme, tap_name(network_, unit, "weight"),
                                                   *linear_of(network_, unit).weight);
  evaluator_.prepare();
}

void QuantizedTwin::round_biases() {
  for (int unit : units_with_weight(network_)) {
    const int source = variant_.quantized_source(network_, unit);
    biases_[unit] = round_bias(tap_name(network_, unit, "bias"), linear_of(network_, unit),
                               *tensors_.at({source, "output"}).quantization,
                               *tensors_.at({unit, "weight"}).quantization);
  }
  evaluator_.prepare();
}

void QuantizedTwin::track(const ImageSet& probe, const StatisticKinds& kinds, Frame& frame) {
  Evaluator reference(float_.network, fusing_, ConvolutionAlgorithm::direct, Keep::all);
  const int units = static_cast<int>(network_.units().size());
  std::vector<std::unique_ptr<ErrorStatistics>> accumulated, local;
  for (const Unit& unit : network_.units()) {
    const int64_t channels = network_.nodes()[unit.last].shape.channels();
    accumulated.push_back(std::make_unique<ErrorStatistics>(channels, worker_count()));
    local.push_back(std::make_unique<ErrorStatistics>(channels, worker_count()));
  }
  TapTrackers trackers(evaluator_, kinds);
  for_image_batches(
      *probe.dataset, *probe.standardization, probe.indices,
      [&](View<const float> x, int64_t count, int64_t first_chunk) {
        parallel_chunks(count, [&](const Chunk& chunk) {
          const View<const float> images = x.slice(chunk.first, images_per_chunk);
          const int64_t index = first_chunk + chunk.index;
          reference.run_chunk(images, chunk.images, index, chunk.worker);
          evaluator_.run_chunk(images, chunk.images, index, chunk.worker);
          for (int unit = 0; unit < units; ++unit)
            compare(*accumulated[unit], reference.output(unit, chunk.worker),
                    evaluator_.output(unit, chunk.worker), chunk.images, index, chunk.worker);
          for (int unit = 1; unit < units; ++unit)
            compare(*local[unit], reference.output(unit, chunk.worker),
                    evaluator_.run_unit(unit, reference, chunk.images, index, chunk.worker),
                    chunk.images, index, chunk.worker);
        });
      });
  trackers.finish(frame);
  for (int unit = 0; unit < units; ++unit) {
    accumulated[unit]->save(frame, "output", unit, "accumulated");
    if (unit > 0) local[unit]->save(frame, "output", unit, "local");
  }
}

}  // namespace quantdyn
