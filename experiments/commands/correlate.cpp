// `quantdyn correlate`.
#include <algorithm>
#include <cmath>

#include "experiments/commands/command.h"
#include "experiments/commands/given_result.h"
#include "experiments/results/rank_correlation.h"
#include "experiments/results/snapshot_choice.h"
#include "experiments/terminal/output.h"
#include "experiments/text/table.h"
#include "framework/base/error.h"

namespace quantdyn {
namespace {

po::options_description options() {
  po::options_description out("options");
  auto add = out.add_options();
  add("x",
      po::value<std::string>()
          ->default_value("folded_weight/average_channel_precision")
          ->value_name("QUANTITY"),
      "a layerwise quantity, as TENSOR/NAME");
  add("y", po::value<std::string>()->default_value("output/local_sqnr")->value_name("QUANTITY"),
      "another, the same way");
  add("variant", po::value<std::string>()->value_name("NAME"),
      "the variant; default: of each result that with the lowest accuracy. Quantities that it does "
      "not have are those of the net as trained");
  return out;
}

/// [layer], of the snapshot or, if it has none, of the net as trained.
std::vector<double> layer_values(const ResultReader& result, const SnapshotLabel& snapshot,
                                 const std::string& name) {
  const std::string path = "layerwise/" + name;
  if (!result.file().has(path)) {
    std::string names;
    for (const std::string& array : result.arrays("layerwise"))
      if (result.axes(array) == std::vector<std::string>{"layer"})
        names += (names.empty() ? "" : ", ") + array.substr(std::string("layerwise/").size());
    throw_error<ConfigError>("correlate: {} has no {}; it has {}", result.file().path().string(),
                             path, names);
  }
  if (result.axes(path) != std::vector<std::string>{"layer"})
    throw_error<ConfigError>("correlate: {} has more than one value a layer", path);
  for (const SnapshotLabel* of : {&snapshot, &result.last()}) {
    std::vector<double> row = result.row(path, *of);
    if (std::ranges::any_of(row, [](double v) { return std::isfinite(v); })) return row;
  }
  throw_error<ConfigError>("correlate: {} has no finite {} of {}", result.file().path().string(),
                           path, snapshot.variant);
}

const SnapshotLabel& snapshot_of(const ResultReader& result,
                                 const std::optional<std::string>& variant) {
  if (variant) return result.last(*variant);
  const SnapshotLabel* worst = worst_variant(result);
  return worst ? *worst : result.last();
}

std::vector<std::string> text_row(const std::string& of, const std::string& variant,
                                  const RankCorrelation& r) {
  return {of, variant, std::to_string(r.layers), number_text(r.rho, 2),
          std::isnan(r.low) ? "-" : number_text(r.low, 2) + " to " + number_text(r.high, 2)};
}

void correlate(const CommandCall& call) {
  if (call.files.empty()) throw_error<ConfigError>("correlate: expected one result or more");
  const std::string x_name = *call.value<std::string>("x"), y_name = *call.value<std::string>("y");
  std::vector<std::vector<std::string>> rows{
      {"net", "variant", "layers", "Spearman's rho", "95 % interval"}};
  std::vector<RankCorrelation> nets;
  std::vector<double> all_x, all_y;
  for (const std::string& file : call.files) {
    const ResultReader result = given_result(file);
    const SnapshotLabel& snapshot = snapshot_of(result, call.value<std::string>("variant"));
    const std::vector<double> x = layer_values(result, snapshot, x_name),
                              y = layer_values(result, snapshot, y_name);
    nets.push_back(rank_correlation(x, y));
    rows.push_back(text_row(file, snapshot.variant, nets.back()));
    all_x.insert(all_x.end(), x.begin(), x.end());
    all_y.insert(all_y.end(), y.begin(), y.end());
  }
  if (nets.size() > 1) {
    rows.push_back(text_row("within nets", "", joint_correlation(nets)));
    rows.push_back(text_row("all layers, pooled", "", rank_correlation(all_x, all_y)));
  }
  print_result(
      fmt::format("x: layerwise/{}\ny: layerwise/{}\n\n{}", x_name, y_name, format_table(rows)) +
      "Intervals take layers as independent (Bonett & Wright 2000).\n");
}

}  // namespace

Command correlate_command() {
  return {"correlate",
          "RESULT.h5 ...",
          "ranks of two quantities over layers, within and across nets",
          options(),
          correlate,
          "quantdyn correlate results/regular/result.h5 results/dws/result.h5 --variant minmax-8"};
}

}  // namespace quantdyn
