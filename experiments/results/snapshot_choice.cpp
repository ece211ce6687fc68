#include "experiments/results/snapshot_choice.h"

#include <cmath>

#include "framework/base/error.h"

namespace quantdyn {

std::string text_of(const SnapshotLabel& snapshot) {
  return fmt::format("snapshot {} ({} at epoch {})", snapshot.index, snapshot.variant,
                     snapshot.epoch);
}

double network_value(const ResultReader& result, const SnapshotLabel& snapshot,
                     const std::string& name) {
  const std::vector<double> row = result.row("networkwise/" + name, snapshot);
  return row.empty() ? std::nan("") : row.front();
}

const SnapshotLabel& chosen_snapshot(const ResultReader& result, const SnapshotChoice& choice) {
  const auto& snapshots = result.snapshots();
  for (size_t i = snapshots.size(); i-- > 0;) {
    const SnapshotLabel& s = snapshots[i];
    if ((!choice.snapshot || s.index == *choice.snapshot) &&
        (!choice.epoch || s.epoch == *choice.epoch) &&
        (!choice.variant || s.variant == *choice.variant))
      return s;
  }
  std::string asked, there;
  if (choice.snapshot) asked += fmt::format(" --snapshot {}", *choice.snapshot);
  if (choice.variant) asked += " --variant " + *choice.variant;
  if (choice.epoch) asked += fmt::format(" --epoch {}", *choice.epoch);
  for (const SnapshotLabel& s : snapshots)
    there += fmt::format("{}{} ({} at epoch {})", there.empty() ? "" : ", ", s.index, s.variant,
                         s.epoch);
  throw_error<ConfigError>("{}: no snapshot for{}; there are: {}", result.file().path().string(),
                           asked, there);
}

const SnapshotLabel* worst_variant(const ResultReader& result) {
  const SnapshotLabel* last = nullptr;
  for (const SnapshotLabel& s : result.snapshots())
    if (s.variant != float_variant) last = &s;
  for (const char* measure : {"accuracy", "logits_sqnr"}) {
    const SnapshotLabel* worst = nullptr;
    double least = std::nan("");
    for (const SnapshotLabel& s : result.snapshots()) {
      if (s.variant == float_variant || &s != &result.last(s.variant)) continue;
      const double value = network_value(result, s, measure);
      if (std::isnan(value) || value >= least) continue;  // any value is less than none
      least = value;
      worst = &s;
    }
    if (worst) return worst;
  }
  return last;
}

}  // namespace quantdyn
