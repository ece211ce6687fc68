#include "experiments/quantized_twin.h"

#include <algorithm>

#include "experiments/tracking.h"
#include "framework/threads.h"
#include "quant/folding.h"
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

}  // namespace

void check_foldable(const Network& network) {
  for (size_t i = 0; i < network.nodes().size(); ++i) {
    const Node<float>& node = network.nodes()[i];
    if (!node.layer || !node.layer->channel_affine()) continue;
    const Unit& unit = network.units()[node.unit];
    if (unit.norm != static_cast<int>(i) || !network.layer(unit.leader)->linear())
      fail<ConfigError>(
          "node '{}': this batch norm cannot be folded; it must alone read a convolution or a "
          "dense layer",
          node.name);
  }
}

Network fold_network(const Network& trained) {
  check_foldable(trained);
  Network out = trained.clone();
  for (int i = 0; i < static_cast<int>(out.nodes().size()); ++i) {
    Layer<float>* const layer = out.layer(i);
    if (layer == nullptr || layer->channel_affine() == nullptr) continue;
    Layer<float>* const leader = out.layer(out.units()[out.nodes()[i].unit].leader);
    try {
      Folded folded = fold(*leader->linear(), *layer->channel_affine());
      leader->linear()->weight->master = std::move(folded.weight);
      leader->linear()->bias->master = std::move(folded.bias);
    } catch (const Error& e) {
      fail("node '{}': {}", out.nodes()[i].name, e.what());
    }
    out.bypass(i);
  }
  out.finish();
  return out;
}

QuantizedTwin::QuantizedTwin(const Network& folded, const Variant& variant, Fusing fusing)
    : folded_(folded),
      variant_(variant),
      fusing_(fusing),
      network_(folded.clone()),
      evaluator_(network_, fusing, ConvolutionAlgorithm::direct, Keep::all) {}

bool QuantizedTwin::quantizes_output(int index) const {
  const Unit& unit = network_.units()[index];
  const Layer<float>* const leader = network_.layer(unit.leader);
  std::vector<Place> places;
  if (unit.leader == 0) places.push_back(Place::input);
  if (unit.last + 1 == static_cast<int>(network_.nodes().size()))
    places.push_back(Place::logits);
  else if (unit.kind == "add")
    places.push_back(Place::add_output);
  else if (unit.kind.ends_with("pool"))
    places.push_back(Place::pool_output);
  else if (leader && unit.kind != "flatten")
    places.push_back(Place::block_output);
  for (int reader : network_.readers(unit.last))
    if (network_.nodes()[reader].kind == "add") places.push_back(Place::add_input);
  return std::ranges::any_of(places, [&](Place place) { return variant_.quantizes({place}); });
}

void QuantizedTwin::quantize(const ImageSet& calibration) {
  if (variant_.activations) calibrate(calibration);
  if (variant_.weights) quantize_weights();
  evaluator_.prepare();
}

void QuantizedTwin::calibrate(const ImageSet& images) {
  std::map<int, std::unique_ptr<SchemeObserver>> observers;
  for (int unit = 0; unit < static_cast<int>(network_.units().size()); ++unit) {
    if (!quantizes_output(unit)) continue;
    const int64_t channels = network_.nodes()[network_.units()[unit].last].shape.channels();
    observers[unit] = std::make_unique<SchemeObserver>(
        *variant_.activations, tap_name(network_, unit, "output"), channels);
    evaluator_.tap(unit, TapKind::output).before.push_back(observers[unit].get());
  }
  for (bool any = true; any;) {
    for_image_batches(*images.dataset, *images.standardization, images.indices,
                      [&](View<const float> x, int64_t count, int64_t first_chunk) {
                        evaluator_.run(x, count, first_chunk, {});
                      });
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
  for (int unit = 0; unit < static_cast<int>(network_.units().size()); ++unit) {
    Layer<float>* const leader = network_.layer(network_.units()[unit].leader);
    if (leader == nullptr || leader->linear() == nullptr) continue;
    tensors_[{unit, "weight"}] = quantize_weight(
        *variant_.weights, tap_name(network_, unit, "weight"), *leader->linear()->weight);
  }
}

void QuantizedTwin::track(const ImageSet& probe, const StatisticKinds& kinds, Frame& frame) {
  Evaluator reference(folded_, fusing_, ConvolutionAlgorithm::direct, Keep::all);
  const int units = static_cast<int>(network_.units().size());
  std::vector<std::unique_ptr<ErrorStatistics>> accumulated, local;
  for (const Unit& unit : network_.units()) {
    const int64_t channels = network_.nodes()[unit.last].shape.channels();
    accumulated.push_back(std::make_unique<ErrorStatistics>(channels, worker_count()));
    local.push_back(std::make_unique<ErrorStatistics>(channels, worker_count()));
  }
  TapTrackers trackers(evaluator_, kinds);
  for_image_batches(*probe.dataset, *probe.standardization, probe.indices,
                    [&](View<const float> x, int64_t count, int64_t first_chunk) {
                      parallel_chunks(count, [&](const Chunk& chunk) {
                        const View<const float> images = x.slice(chunk.first, images_per_chunk);
                        const int64_t index = first_chunk + chunk.index;
                        reference.run_chunk(images, chunk.images, index, chunk.worker);
                        evaluator_.run_chunk(images, chunk.images, index, chunk.worker);
                        for (int unit = 0; unit < units; ++unit)
                          compare(*accumulated[unit], reference.output(unit, chunk.worker),
                                  evaluator_.output(unit, chunk.worker), chunk.images, index,
                                  chunk.worker);
                        for (int unit = 1; unit < units; ++unit)
                          compare(*local[unit], reference.output(unit, chunk.worker),
                                  evaluator_.run_unit(unit, reference, chunk.images, chunk.worker),
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
