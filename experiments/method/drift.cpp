#include "experiments/method/drift.h"

namespace quantdyn {

Drift::Moment Drift::moment_of(const Network& network, const Frame& frame) {
  Moment out;
  for (int64_t unit = 0; unit < static_cast<int64_t>(network.units().size()); ++unit) {
    for (const char* tensor : {"weight", "output"})
      out.distributions[{tensor, unit}] = keep_distribution(frame, tensor, unit);
    const Layer<float>* const layer = network.layer(network.units()[unit].leader);
    if (layer == nullptr || layer->linear() == nullptr) continue;
    const auto weights = layer->linear()->weight->master.values();
    out.weights[unit] = {weights.begin(), weights.end()};
  }
  return out;
}

void Drift::save(const Moment& now, const Moment* before, const std::string& since, Frame& frame) {
  for (const auto& [unit, weights] : now.weights) {
    const int64_t channels = frame.channels_of(unit);
    save_weight_drift(before != nullptr ? weight_drift(weights, before->weights.at(unit), channels)
                                        : no_weight_drift(channels),
                      since, frame, unit);
  }
  for (const auto& [place, distribution] : now.distributions)
    save_distribution_drift(before != nullptr ? &before->distributions.at(place) : nullptr, since,
                            frame, place.first, place.second);
}

void Drift::visit(std::optional<Moment>& moment, const Network& network, StateVisitor state) {
  bool is_there = moment.has_value();
  state.visit("is_there", is_there);
  if (!is_there) return;
  if (state.is_loading()) moment.emplace();
  for (int64_t unit = 0; unit < static_cast<int64_t>(network.units().size()); ++unit) {
    StateVisitor of_unit = state.group(network.units()[unit].name);
    for (const char* tensor : {"weight", "output"}) {
      KeptDistribution& kept = moment->distributions[{tensor, unit}];
      StateVisitor distribution = of_unit.group(tensor);
      distribution.visit("counts", kept.counts);
      distribution.visit("minimum", kept.minimum);
      distribution.visit("maximum", kept.maximum);
    }
    const Layer<float>* const layer = network.layer(network.units()[unit].leader);
    if (layer != nullptr && layer->linear() != nullptr)
      of_unit.visit("weights", moment->weights[unit]);
  }
}

void Drift::visit_state(const Network& network, StateVisitor state) {
  visit(start_, network, state.group("start"));
  visit(previous_, network, state.group("previous"));
}

void Drift::add(const Network& network, Frame& frame) {
  Moment now = moment_of(network, frame);
  if (!start_) start_ = now;
  save(now, &*start_, "start", frame);
  save(now, previous_ ? &*previous_ : nullptr, "previous", frame);
  previous_ = std::move(now);
}

}  // namespace quantdyn
