#include "experiments/run/summary.h"

#include <limits>

#include "experiments/results/finish_result.h"

namespace quantdyn {
namespace {

constexpr double none = std::numeric_limits<double>::quiet_NaN();

double metric(const ResultReader& result, const SnapshotLabel& snapshot, const std::string& name) {
  const std::vector<double> row = result.row("networkwise/" + name, snapshot);
  return row.empty() ? none : row.front();
}

}  // namespace

std::vector<VariantSummary> summary_of(const ResultReader& result) {
  const std::string name = result.file().group("provenance").text("experiment") +
                           (ended_early(result).empty() ? "" : " (ended early)");
  const SnapshotLabel& trained = result.last();
  const double float_accuracy = metric(result, trained, "accuracy");
  std::vector<VariantSummary> out;
  for (const SnapshotLabel& s : result.snapshots())
    if (s.variant != float_variant && s.step == trained.step)
      out.push_back({name, s.variant, float_accuracy, metric(result, s, "accuracy"),
                     metric(result, s, "relative_accuracy_decrease"),
                     metric(result, s, "average_channel_precision"),
                     metric(result, s, "logits_sqnr")});
  if (out.empty())
    out.push_back({name, float_variant, float_accuracy, none, none,
                   metric(result, trained, "average_channel_precision"), none});
  return out;
}

}  // namespace quantdyn
