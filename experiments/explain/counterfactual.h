// Runs a variant again with single repairs in single layers: what `--verify` measures.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>

#include "experiments/explain/explanation.h"

namespace quantdyn {

/// One repair in one layer.
struct Repair {
  int layer;
  Remedy remedy;
};

/// Re-quantizes a result's net, with the data of its recorded experiment.
class Counterfactual {
 public:
  /// Measures on the first `images` of the shuffle that gives the probe images (all if there are
  /// fewer). Relative paths of the experiment start at `folder`. ConfigError: data or plugins that
  /// are not there, a snapshot without weights, a merged file, a variant with trained ranges.
  Counterfactual(const ResultReader& result, const NetFacts& net, int64_t images,
                 const std::filesystem::path& folder);
  ~Counterfactual();

  int64_t images() const;
  /// The variant as it is, but for these repairs. Error: a quantizer cannot do what a repair asks.
  Measured measure(std::span<const Repair> repairs);

 private:
  struct Setting;
  std::unique_ptr<Setting> setting_;
};

/// Fills the measured figures of an explanation; calls `note` before each run with its number and
/// the number of runs.
void verify(Explanation& explanation, Counterfactual& counterfactual,
            const std::function<void(int64_t done, int64_t total)>& note);

/// The folder of the YAML that a result was run from. An older result does not say: then that of
/// the file which its command line names, from the current folder on; or the current one.
std::filesystem::path folder_of_experiment(const ResultReader& result);

}  // namespace quantdyn
