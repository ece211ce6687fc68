#include "experiments/method/tracking.h"

#include "experiments/method/evaluation.h"
#include "framework/base/threads.h"
#include "stats/tracking/tracker.h"

namespace quantdyn {

Frame make_frame(const Network& network) {
  std::vector<int64_t> offsets{0};
  for (const Unit& unit : network.units())
    offsets.push_back(offsets.back() + network.nodes()[unit.last].shape.channels());
  return Frame(std::move(offsets));
}

namespace {

/// What the taps of a unit will show, with the transforms that they have now.
UnitValues values_of(Evaluator& evaluator, int unit) {
  const Network& network = evaluator.network();
  UnitValues out{
      .channels = network.nodes()[network.units()[unit].last].shape.channels(),
      .taps = {},
      .norm_of_conv = evaluator.norm_of_conv(unit),
      .output_of_norm = {},
  };
  for (TapKind kind : {TapKind::conv, TapKind::norm, TapKind::output})
    if (evaluator.has_tap(unit, kind)) out.taps.push_back(kind);
  const int activation = network.units()[unit].activation;
  if (activation < 0 || evaluator.tap(unit, TapKind::output).transform) return out;
  const FusedActivation fused = fused_activation(network.layer(activation)->activation());
  if (fused != FusedActivation::none && evaluator.has_tap(unit, TapKind::norm))
    out.output_of_norm = fused;
  return out;
}

}  // namespace

TapTrackers::TapTrackers(Evaluator& evaluator, const StatisticKinds& kinds, bool over_ranks)
    : evaluator_(evaluator) {
  for (int unit = 0; unit < static_cast<int>(evaluator.network().units().size()); ++unit) {
    const UnitValues values = values_of(evaluator, unit);
    units_.push_back(std::make_unique<UnitTracker>(values, worker_count(), kinds, over_ranks));
    for (TapKind kind : values.taps)
      evaluator.tap(unit, kind).after.push_back(&units_.back()->observer(kind));
  }
}

TapTrackers::~TapTrackers() {
  for (int unit = 0; unit < static_cast<int>(units_.size()); ++unit)
    for (TapKind kind : {TapKind::conv, TapKind::norm, TapKind::output})
      if (evaluator_.has_tap(unit, kind))
        std::erase(evaluator_.tap(unit, kind).after, &units_[unit]->observer(kind));
}

bool TapTrackers::another_pass() {
  bool again = false;
  for (const auto& unit : units_) again |= unit->another_pass();
  return again;
}

void TapTrackers::finish(const ImageSet& images, Frame& frame) {
  while (another_pass())
    for_image_batches(images, [&](View<const float> x, int64_t count, int64_t first_chunk) {
      evaluator_.run(x, count, first_chunk, {});
    });
  for (size_t unit = 0; unit < units_.size(); ++unit)
    units_[unit]->finish(frame, static_cast<int64_t>(unit));
}

void track_weights(const Network& network, const StatisticKinds& kinds, Frame& frame,
                   const std::string& tensor) {
  for (size_t unit = 0; unit < network.units().size(); ++unit) {
    const Layer<float>* const layer = network.layer(network.units()[unit].leader);
    if (layer == nullptr || layer->linear() == nullptr) continue;
    const Parameter<float>& weight = *layer->linear()->weight;
    track_tensor({weight.read(), weight.master.shape()}, kinds, frame, tensor,
                 static_cast<int64_t>(unit));
  }
}

}  // namespace quantdyn
