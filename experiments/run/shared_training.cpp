#include "experiments/run/shared_training.h"

#include <cstring>

#include "framework/base/progress_sink.h"
#include "framework/base/ranks.h"
#include "framework/base/state_bytes.h"

namespace quantdyn {
namespace {

/// All that a later step depends on, and the epochs that are done.
void visit_start(StateVisitor state, int64_t& epoch, Network& network, Trainer& trainer) {
  state.visit("epoch", epoch);
  StateVisitor weights = state.group("network");
  for (const Network::Named& named : network.parameters())
    weights.visit(fmt::format("{}/{}", network.nodes()[named.node].name, named.parameter->name),
                  named.parameter->master);
  trainer.visit_state(state.group("trainer"));
}

/// What must be the same on all ranks, by name.
State facts_to_agree_on(const RunFacts& facts) {
  State out;
  const auto add = [&](const std::string& name, const std::string& value) {
    out[name] = std::vector<std::string>{value};
  };
  add("version", facts.version);
  add("revision", facts.git_revision);
  add("experiment", facts.resolved_yaml);
  add("network", facts.network_yaml);
  for (const auto& [name, value] : facts.provenance)
    for (const char* decides :
         {"compiler", "blis_architecture", "blis_version", "instruction_set", "train_sha256",
          "weights_sha256", "onnx_sha256", "keras_sha256", "plugins"})
      if (name == decides) add(name, std::get<std::string>(value));
  return out;
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
  const std::vector<State> all = gather(facts_to_agree_on(facts));
  if (ranks().rank() > 0) return;
  for (size_t rank = 1; rank < all.size(); ++rank)
    for (const auto& [name, value] : all[0])
      if (const auto found = all[rank].find(name);
          found == all[rank].end() || found->second != value)
        throw_error<ConfigError>(
            "rank {} differs from rank 0 in: {}; accepted: the same program, experiment and data "
            "on all ranks",
            rank, name);
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
  for (++epoch; epoch <= experiment.train.epochs; ++epoch) trainer.run_epoch(epoch, *progress);
}

}  // namespace quantdyn
