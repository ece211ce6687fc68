#include "experiments/method/tracking.h"

#include <algorithm>

#include "experiments/method/evaluation.h"
#include "framework/base/threads.h"

namespace quantdyn {

Frame make_frame(const Network& network) {
  std::vector<int64_t> offsets{0};
  for (const Unit& unit : network.units())
    offsets.push_back(offsets.back() + network.nodes()[unit.last].shape.channels());
  return Frame(std::move(offsets));
}

TapTrackers::TapTrackers(Evaluator& evaluator, const StatisticKinds& kinds)
    : evaluator_(evaluator) {
  const Network& network = evaluator.network();
  // By kind, as a frame has one array a kind: it grows while the trackers of the kind before it go.
  for (TapKind kind : {TapKind::conv, TapKind::norm, TapKind::output})
    for (int unit = 0; unit < static_cast<int>(network.units().size()); ++unit) {
      if (!evaluator.has_tap(unit, kind)) continue;
      const int64_t channels = network.nodes()[network.units()[unit].last].shape.channels();
      places_.push_back({unit, kind, std::make_unique<Tracker>(channels, worker_count(), kinds)});
      evaluator.tap(unit, kind).after.push_back(places_.back().tracker.get());
      if (kind == TapKind::norm) follow_conv(places_.back());
      if (kind == TapKind::output) follow_norm(places_.back());
    }
}

Tracker* TapTrackers::tracker_of(int unit, TapKind kind) {
  for (const Place& place : places_)
    if (place.unit == unit && place.kind == kind) return place.tracker.get();
  return nullptr;
}

void TapTrackers::follow_conv(const Place& norm) {
  Tracker* const conv = tracker_of(norm.unit, TapKind::conv);
  const std::optional<TapMap> map = evaluator_.norm_of_conv(norm.unit);
  if (conv && map) norm.tracker->follow(*conv, *map);
}

/// An output that nothing transforms is the activation of what the norm tap shows.
void TapTrackers::follow_norm(const Place& output) {
  const Network& network = evaluator_.network();
  const int activation = network.units()[output.unit].activation;
  if (activation < 0 || evaluator_.tap(output.unit, TapKind::output).transform) return;
  const std::string& kind = network.nodes()[activation].kind;
  if (kind != "relu" && kind != "relu6") return;
  if (Tracker* const norm = tracker_of(output.unit, TapKind::norm))
    output.tracker->follow(*norm, kind == "relu" ? Activation::relu : Activation::relu6);
}

TapTrackers::~TapTrackers() {
  for (const Place& place : places_)
    std::erase(evaluator_.tap(place.unit, place.kind).after,
               static_cast<Observer*>(place.tracker.get()));
}

bool TapTrackers::another_pass() {
  bool again = false;
  for (Place& place : places_) again |= place.tracker->another_pass();
  return again;
}

void TapTrackers::finish(const ImageSet& images, Frame& frame) {
  while (another_pass())
    for_image_batches(images, [&](View<const float> x, int64_t count, int64_t first_chunk) {
      evaluator_.run(x, count, first_chunk, {});
    });
  for (Place& place : places_) place.tracker->finish(frame, to_string(place.kind), place.unit);
}

void track_weights(const Network& network, const StatisticKinds& kinds, Frame& frame,
                   const std::string& tensor) {
  for (size_t unit = 0; unit < network.units().size(); ++unit) {
    Layer<float>* const layer = network.layer(network.units()[unit].leader);
    if (layer == nullptr || layer->linear() == nullptr) continue;
    const Parameter<float>& weight = *layer->linear()->weight;
    track_tensor({weight.read(), weight.master.shape()}, kinds, frame, tensor,
                 static_cast<int64_t>(unit));
  }
}

}  // namespace quantdyn
