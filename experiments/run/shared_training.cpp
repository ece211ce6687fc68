#include "experiments/run/shared_training.h"

#include <optional>

#include "experiments/run/run_differences.h"
#include "framework/base/printable.h"
#include "framework/base/progress_sink.h"
#include "framework/base/ranks.h"
#include "framework/base/state_bytes.h"

namespace quantdyn {
namespace {

/// All that a later step depends on, and what is done.
void visit_start(StateVisitor state, VariantMaker::Place& place, bool& is_tracked, Network& network,
                 Trainer* trainer) {
  state.visit("epoch", place.epoch);
  state.visit("step", place.step);
  state.visit("is_tracked", is_tracked);
  visit_parameters(state.group("network"), network);
  if (trainer) trainer->visit_state(state.group("trainer"));
}

/// The facts that run_differences() compares.
void visit_facts(StateVisitor state, RunFacts& facts) {
  state.visit("version", facts.version);
  state.visit("revision", facts.git_revision);
  state.visit("experiment", facts.resolved_yaml);
  state.visit("network", facts.network_yaml);
  std::vector<std::string> names, texts;
  for (const auto& [name, fact] : facts.provenance)
    if (const auto* text = std::get_if<std::string>(&fact)) {
      names.push_back(name);
      texts.push_back(*text);
    }
  state.visit("names", names);
  state.visit("texts", texts);
  for (size_t i = 0; state.is_loading() && i < names.size(); ++i)
    facts.provenance.emplace_back(names[i], texts.at(i));
}

void require_sharable(const Experiment& experiment) {
  if (experiment.quantization.variant != nullptr)
    throw_error<ConfigError>(
        "train.quantization: training with quantizers runs in one process, found {}; accepted: "
        "one, with any number of threads",
        ranks().count());
  if (experiment.train.epochs > 0) check_loading(*experiment.data->train, experiment.train.loader);
}

}  // namespace

void agree(const Experiment& experiment, const RunFacts& facts) {
  require_sharable(experiment);
  RunFacts own = facts;
  State state;
  visit_facts(StateVisitor::saving(state), own);
  const std::vector<State> all = gather(state);
  if (ranks().rank() > 0) return;
  for (size_t rank = 1; rank < all.size(); ++rank) {
    RunFacts other{};
    visit_facts(StateVisitor::loading(all[rank]), other);
    if (const auto differences = run_differences(own, other); !differences.empty())
      throw_error<ConfigError>(
          "rank {} differs from rank 0 in {}: {} against {}; accepted: the same program, "
          "experiment and data on all ranks",
          rank, differences[0].key, quotable(differences[0].b), quotable(differences[0].a));
  }
}

void give_start(VariantMaker::Place place, bool is_tracked, Network& network, Trainer* trainer) {
  if (is_alone()) return;
  State state;
  visit_start(StateVisitor::saving(state), place, is_tracked, network, trainer);
  std::vector<std::byte> bytes = bytes_of(state);
  ranks().broadcast(bytes);
}

VariantMaker::Place train_along(Experiment& experiment, VariantMaker& maker) {
  std::optional<Trainer> trainer;
  if (experiment.train.epochs > 0)
    trainer.emplace(*experiment.network, *experiment.data->train, experiment.standardization,
                    experiment.train, experiment.computing.fusing, experiment.computing.algorithm,
                    experiment.rng("train"));
  std::vector<std::byte> bytes;
  ranks().broadcast(bytes);
  const State state = state_of(bytes);
  VariantMaker::Place place{};
  bool is_tracked = false;
  visit_start(StateVisitor::loading(state), place, is_tracked, *experiment.network,
              trainer ? &*trainer : nullptr);
  const auto track = [&] {
    std::string told_by_rank_0;
    if (are_snapshots_shared(experiment, place.step)) maker.make_float(place, {}, told_by_rank_0);
  };
  if (is_tracked) track();
  SilentProgress unseen;
  const auto progress = unseen.begin(experiment.name, 0, "images", 0);
  const auto after_step = [&](int64_t step) {
    place.step = step;
    if (experiment.track.has_snapshot(step)) track();
  };
  while (place.epoch < experiment.train.epochs) {
    const EpochResult result = trainer->run_epoch(place.epoch + 1, *progress, after_step);
    place.epoch = result.epoch;
    after_step(result.step);
  }
  return place;
}

}  // namespace quantdyn
