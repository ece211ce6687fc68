// Made-up runs of one experiment with several seeds.
#pragma once

#include <filesystem>

#include "tests/experiments/results/fabricated_result.h"

namespace quantdyn::fabricated {

/// The made-up run of fabricated_result.h with another seed, whose layerwise/output/spread is
/// `value` times (node + 1), whose networkwise/loss is `value`, and whose layerwise/output/partly
/// is NaN where `value` is below 2. `more` changes the facts.
inline std::filesystem::path write_seed(const std::filesystem::path& output, int64_t seed,
                                        double value, RunFacts facts = fabricated::facts()) {
  facts.seed = static_cast<uint64_t>(seed);
  facts.resolved_yaml = "seed: " + std::to_string(seed) + "\n" +
                        facts.resolved_yaml.substr(facts.resolved_yaml.find('\n') + 1);
  facts.provenance.emplace_back("experiment", "made-up");
  facts.provenance.emplace_back("luck", value);
  ResultWriter writer(output, facts, Overwrite::refuse);
  for (int64_t index = 0; index < 3; ++index) {
    Snapshot made = snapshot(index);
    for (int64_t node = 0; node < 4; ++node) {
      made.frame.layer("output", {"spread", "1", "made up", "", ""}, node,
                       value * static_cast<double>(node + 1));
      made.frame.layer("output", {"partly", "1", "made up", "", ""}, node, value < 2 ? NAN : value);
    }
    made.frame.network({"loss", "nat", "made up", "- log p", ""}, value);
    add(writer, index, std::move(made));
    if (index == 0) writer.add_training_row({50, 1, value, 0.25, 0.1, 2.5});
  }
  writer.finish();
  return writer.result_path();
}

}  // namespace quantdyn::fabricated
