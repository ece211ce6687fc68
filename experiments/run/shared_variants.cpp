#include "experiments/run/shared_variants.h"

#include "experiments/method/tracking.h"
#include "experiments/results/snapshot_state.h"
#include "experiments/run/stoppable_dataset.h"
#include "framework/base/ranks.h"
#include "framework/base/state_bytes.h"
#include "framework/base/stop_flag.h"
#include "framework/base/stopwatch.h"

namespace quantdyn {
namespace {

/// What the other ranks have to know: the net, where it is, and what it predicts.
void visit_task(StateVisitor state, Experiment& experiment, VariantMaker::Place& place,
                int64_t& first, Predictions& reference) {
  state.visit("epoch", place.epoch);
  state.visit("step", place.step);
  state.visit("first", first);
  visit_parameters(state.group("network"), *experiment.network);
  if (state.is_loading())
    reference.logits =
        Tensor<float>(experiment.network->output_shape().batch_of(experiment.data->test->size()));
  state.visit("logits", reference.logits);
  state.visit("labels", reference.labels);
}

void visit_outcome(StateVisitor state, const Network& network, VariantOutcome& outcome) {
  state.visit("failure", outcome.failure);
  state.visit("seconds", outcome.seconds);
  bool is_made = outcome.snapshot.has_value();
  state.visit("is_made", is_made);
  if (!is_made) return;
  if (state.is_loading())
    outcome.snapshot = Snapshot{.epoch = 0,
                                .step = 0,
                                .variant = {},
                                .frame = make_frame(network),
                                .weights = {},
                                .quantization = {}};
  visit_snapshot(state.group("snapshot"), *outcome.snapshot);
}

}  // namespace

VariantOutcome outcome_of(const std::function<Snapshot()>& make) {
  const Stopwatch watch;
  VariantOutcome out;
  try {
    out.snapshot = make();
  } catch (const Stopped&) {
    throw;
  } catch (const DataError&) {
    throw;
  } catch (const std::exception& e) {  // out of memory, too
    out.failure = e.what();
  }
  out.seconds = watch.seconds();
  return out;
}

bool are_variants_shared(const Experiment& experiment, int64_t step) {
  return !is_alone() && experiment.track.tensors_of(step) == nullptr;
}

int maker_of(size_t variant, size_t first) {
  return static_cast<int>((variant - first) % static_cast<size_t>(ranks().count()));
}

void give_variants(Experiment& experiment, VariantMaker& maker, const VariantMaker::Place& place,
                   size_t first) {
  Predictions reference = maker.reference(place.step);
  VariantMaker::Place at = place;
  auto begin = static_cast<int64_t>(first);
  State state;
  visit_task(StateVisitor::saving(state), experiment, at, begin, reference);
  std::vector<std::byte> bytes = bytes_of(state);
  ranks().broadcast(bytes);
}

VariantOutcome take_variant(const Experiment& experiment, int rank,
                            const std::function<void()>& meanwhile) {
  const State state = state_of(ranks().take(rank, meanwhile));
  VariantOutcome out;
  visit_outcome(StateVisitor::loading(state), *experiment.network, out);
  return out;
}

void make_variants_along(Experiment& experiment) {
  std::vector<std::byte> bytes;
  ranks().broadcast(bytes);
  const State task = state_of(bytes);
  VariantMaker::Place place{};
  int64_t first = 0;
  Predictions reference;
  visit_task(StateVisitor::loading(task), experiment, place, first, reference);
  if (!are_variants_shared(experiment, place.step)) return;
  const StopFlag never;  // rank 0 stops, and ends all
  VariantMaker maker(stoppable(experiment, never));
  maker.set_reference(std::move(reference), place.step);
  for (auto i = static_cast<size_t>(first); i < experiment.variants.size(); ++i) {
    if (maker_of(i, static_cast<size_t>(first)) != ranks().rank()) continue;
    VariantOutcome outcome = outcome_of(
        [&] { return maker.make(experiment.variants[i], place, {}, nullptr, [](auto&&...) {}); });
    State state;
    visit_outcome(StateVisitor::saving(state), *experiment.network, outcome);
    ranks().give(bytes_of(state));
  }
}

}  // namespace quantdyn
