#include "experiments/run/shared_variants.h"

#include "experiments/method/tracking.h"
#include "experiments/results/snapshot_state.h"
#include "experiments/run/stoppable_dataset.h"
#include "framework/base/ranks.h"
#include "framework/base/state_bytes.h"
#include "framework/base/stopwatch.h"

namespace quantdyn {
namespace {

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

int maker_of(size_t variant, size_t first) {
  return static_cast<int>((variant - first) % static_cast<size_t>(ranks().count()));
}

void begin_variants(VariantMaker& maker, int64_t step, size_t& first) {
  int64_t sum = ranks().rank() == 0 ? static_cast<int64_t>(first) : 0;
  ranks().add_up(std::span(&sum, 1));
  first = static_cast<size_t>(sum);
  maker.share_reference(step);
}

VariantOutcome take_variant(const Experiment& experiment, int rank,
                            const std::function<void()>& meanwhile) {
  const State state = state_of(ranks().take(rank, meanwhile));
  VariantOutcome out;
  visit_outcome(StateVisitor::loading(state), *experiment.network, out);
  return out;
}

void make_variants_along(const Experiment& experiment, VariantMaker& maker,
                         const VariantMaker::Place& place) {
  if (!are_snapshots_shared(experiment, place.step)) return;
  size_t first = 0;
  begin_variants(maker, place.step, first);
  for (size_t i = first; i < experiment.variants.size(); ++i) {
    if (maker_of(i, first) != ranks().rank()) continue;
    VariantOutcome outcome = outcome_of(
        [&] { return maker.make(experiment.variants[i], place, {}, nullptr, [](auto&&...) {}); });
    State state;
    visit_outcome(StateVisitor::saving(state), *experiment.network, outcome);
    ranks().give(bytes_of(state));
  }
}

}  // namespace quantdyn
