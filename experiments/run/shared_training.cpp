#include "experiments/run/shared_training.h"

#include <cstring>

#include "experiments/method/evaluation.h"
#include "experiments/run/run_differences.h"
#include "framework/base/printable.h"
#include "framework/base/progress_sink.h"
#include "framework/base/ranks.h"
#include "framework/base/state_bytes.h"

namespace quantdyn {
namespace {

/// All that a later step depends on, and the epochs that are done.
void visit_start(StateVisitor state, int64_t& epoch, Network& network, Trainer& trainer) {
  state.visit("epoch", epoch);
  visit_parameters(state.group("network"), network);
  trainer.visit_state(state.group("trainer"));
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

std::vector<State> gather(const State& own) {
  const std::vector<std::byte> bytes = bytes_of(own);
  const auto count = static_cast<size_t>(ranks().count());
  std::vector<int64_t> sizes(count);
  const int64_t size = std::ssize(bytes);
  const std::vector<std::byte> all_sizes =
      ranks().gather(std::as_bytes(std::span(&size, 1)),
                     std::vector<int64_t>(count, static_cast<int64_t>(sizeof size)));
  std::memcpy(sizes.data(), all_sizes.data(), all_sizes.size());
  const std::vector<std::byte> all = ranks().gather(bytes, sizes);
  std::vector<State> out;
  std::span<const std::byte> left = all;
  for (const int64_t of_rank : sizes) {
    out.push_back(state_of(left.first(static_cast<size_t>(of_rank))));
    left = left.subspan(static_cast<size_t>(of_rank));
  }
  return out;
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

void give_start(int64_t epoch, Network& network, Trainer& trainer) {
  if (is_alone()) return;
  State state;
  visit_start(StateVisitor::saving(state), epoch, network, trainer);
  std::vector<std::byte> bytes = bytes_of(state);
  ranks().broadcast(bytes);
}

void train_along(Experiment& experiment) {
  if (experiment.train.epochs == 0) return;
  Trainer trainer(*experiment.network, *experiment.data->train, experiment.standardization,
                  experiment.train, experiment.computing.fusing, experiment.computing.algorithm,
                  experiment.rng("train"));
  std::vector<std::byte> bytes;
  ranks().broadcast(bytes);
  const State state = state_of(bytes);
  int64_t epoch = 0;
  visit_start(StateVisitor::loading(state), epoch, *experiment.network, trainer);
  SilentProgress unseen;
  const auto progress = unseen.begin(experiment.name, 0, "images");
  const auto evaluate = [&](int64_t step) {
    if (!experiment.track.has_snapshot(step)) return;
    Evaluator evaluator(*experiment.network, experiment.computing.fusing,
                        ConvolutionAlgorithm::direct, Keep::logits);
    predict_over_ranks(evaluator, *experiment.data->test, experiment.standardization);
  };
  for (++epoch; epoch <= experiment.train.epochs; ++epoch)
    evaluate(trainer.run_epoch(epoch, *progress, evaluate).step);
}

}  // namespace quantdyn
