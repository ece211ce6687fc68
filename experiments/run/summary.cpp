#include "experiments/run/summary.h"

#include <limits>

#include "experiments/results/result_reader.h"
#include "experiments/terminal/table.h"

namespace quantdyn {
namespace {

double metric(const ResultReader& result, const SnapshotLabel& snapshot, const std::string& name) {
  const std::vector<double> row = result.row("networkwise/" + name, snapshot);
  return row.empty() ? std::numeric_limits<double>::quiet_NaN() : row.front();
}

}  // namespace

std::string summary_table(std::span<const std::filesystem::path> results) {
  std::vector<std::vector<std::string>> rows{{"experiment", "variant", "float accuracy",
                                              "quantized accuracy", "relative decrease",
                                              "channel precision", "SQNR of logits / dB"}};
  for (const std::filesystem::path& path : results) {
    const ResultReader result(path);
    const std::string name = result.file().group("provenance").text("experiment");
    const SnapshotLabel& trained = result.last();
    const std::string accuracy = number_text(metric(result, trained, "accuracy"), 4);
    const size_t rows_before = rows.size();
    for (const SnapshotLabel& s : result.snapshots())
      if (s.variant != float_variant && s.step == trained.step)
        rows.push_back({name, s.variant, accuracy, number_text(metric(result, s, "accuracy"), 4),
                        number_text(metric(result, s, "relative_accuracy_decrease"), 4),
                        number_text(metric(result, s, "average_channel_precision"), 3),
                        number_text(metric(result, s, "logits_sqnr"), 1)});
    if (rows.size() == rows_before)
      rows.push_back({name, "-", accuracy, "-", "-",
                      number_text(metric(result, trained, "average_channel_precision"), 3), "-"});
  }
  return format_table(rows);
}

}  // namespace quantdyn
