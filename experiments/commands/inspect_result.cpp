#include "experiments/commands/inspect_result.h"

#include <algorithm>
#include <cmath>

#include "experiments/commands/given_result.h"
#include "experiments/commands/inspect_layer.h"
#include "experiments/explain/page.h"
#include "experiments/results/finish_result.h"
#include "experiments/text/shell_word.h"
#include "experiments/text/table.h"
#include "framework/base/error.h"

namespace quantdyn {
namespace {

using Rows = std::vector<std::vector<std::string>>;

std::string header(const ResultReader& result) {
  const h5::File& file = result.file();
  std::string out;
  const auto line = [&](const std::string& name, const std::string& value) {
    out += fmt::format("{:<13} {}\n", name, value);
  };
  line("file", file.path().string());
  line("status", file.text("status") + (ended_early(result).empty() ? "" : ", but ended early"));
  line("schema", std::to_string(file.integer("schema")));
  line("version", fmt::format("{} ({})", file.text("version"), file.text("git_revision")));
  line("created", file.text("created"));
  line("command line", file.text("command_line"));
  line("seed", result.seeds());
  if (result.is_merged())
    line("runs", fmt::format("{}; numbers are means +- half-widths of their 95 % confidence "
                             "intervals (Student's t)",
                             file.numbers("merged_seeds").size()));
  const h5::Group provenance = file.group("provenance");
  for (const std::string& name : provenance.attributes()) {
    const h5::Content content = provenance.attribute_content(name);
    line(name, content == h5::Content::texts      ? provenance.text(name)
               : content == h5::Content::integers ? std::to_string(provenance.integer(name))
                                                  : short_number(provenance.number(name)));
  }
  return out;
}

/// What became of the variant that loses most; "" where no variant is there, or none can be judged.
std::string network_table(const ResultReader& result) {
  Rows rows = {{"node", "kind", "inputs", "output", "parameters", "multiply-accumulates"}};
  const auto shapes = result.output_shapes();
  const auto network = result.network();
  int64_t parameters = 0, products = 0;
  for (size_t i = 0; i < network.size(); ++i) {
    const NodeRow& node = network[i];
    rows.push_back({node.name, node.kind, node.inputs, shapes[i], std::to_string(node.parameters),
                    std::to_string(node.multiply_accumulates)});
    parameters += node.parameters;
    products += node.multiply_accumulates;
  }
  rows.push_back({"total", "", "", "", std::to_string(parameters), std::to_string(products)});
  return format_table(rows);
}

/// The values of one snapshot: "0.7713" or, for a merged result, "0.7713 +-0.0021".
std::vector<std::string> with_intervals(const ResultReader& result, const SnapshotLabel& snapshot,
                                        const std::string& path) {
  const std::vector<double> values = result.row(path, snapshot);
  const std::vector<double> intervals = result.row(path + "_interval", snapshot);
  if (!intervals.empty() && intervals.size() != values.size())
    throw_error<ConfigError>("{}: {}_interval has {} values; expected {}, as {}",
                             result.file().path().string(), path, intervals.size(), values.size(),
                             path);
  std::vector<std::string> out;
  for (size_t i = 0; i < values.size(); ++i) {
    out.push_back(short_number(values[i]));
    if (!intervals.empty() && !std::isnan(intervals[i]))
      out.back() += fmt::format(" +-{:.2g}", intervals[i]);
  }
  return out;
}

bool is_interval(const std::string& path) { return path.ends_with("_interval"); }

std::string units_of(const ResultReader& result, const std::string& path) {
  const h5::Dataset array = result.file().dataset(path);
  return array.has_attribute("units") ? array.text("units") : "";
}

std::string networkwise_table(const ResultReader& result) {
  Rows rows = {{"snapshot\n(epoch, variant)"}};
  for (const SnapshotLabel& s : result.snapshots())
    rows.push_back({fmt::format("{} ({}, {})", s.index, s.epoch, s.variant)});
  for (const std::string& path : result.arrays("networkwise")) {
    if (!result.axes(path).empty() || is_interval(path)) continue;
    rows[0].push_back(column_title(path.substr(path.rfind('/') + 1), units_of(result, path)));
    for (size_t i = 0; i < result.snapshots().size(); ++i)
      rows[i + 1].push_back(with_intervals(result, result.snapshots()[i], path).front());
  }
  return rows[0].size() > 1 ? format_wide_table(rows) : "none\n";
}

/// A table with one row per node and those of the columns (title, path below /layerwise) that the
/// snapshot has; "" if it has none of them.
std::string layer_table(const ResultReader& result, const SnapshotLabel& snapshot,
                        const std::vector<std::pair<std::string, std::string>>& columns) {
  Rows rows = {{"node"}};
  const auto network = result.network();
  for (const NodeRow& node : network) rows.push_back({node.name});
  for (const auto& [title, path] : columns) {
    const std::string array = "layerwise/" + path;
    const std::vector<double> values = result.row(array, snapshot);
    if (values.size() != network.size()) continue;  // this run did not track it
    if (std::ranges::all_of(values, [](double v) { return std::isnan(v); })) continue;
    rows[0].push_back(title);
    const std::vector<std::string> texts = with_intervals(result, snapshot, array);
    for (size_t i = 0; i < texts.size(); ++i) rows[i + 1].push_back(texts[i]);
  }
  return rows[0].size() > 1 ? format_wide_table(rows) : "";
}

/// The main quantities, in this order; those that a file lacks are left out.
const std::vector<std::string>& first_quantities() {
  static const std::vector<std::string> names = {"min",           "max",
                                                 "mean",          "std",
                                                 "log2_range",    "log2_range_step",
                                                 "zero_fraction", "average_channel_precision",
                                                 "dead_channels", "channel_range_ratio",
                                                 "local_sqnr",    "propagated_sqnr",
                                                 "added_sqnr",    "accumulated_sqnr",
                                                 "cosine",        "kl_divergence"};
  return names;
}

/// The names of a tensor's quantities that have one number per node.
std::vector<std::string> quantities_of(const ResultReader& result, const std::string& tensor) {
  std::vector<std::string> out;
  for (const std::string& path : result.arrays("layerwise/" + tensor))
    if (result.axes(path) == std::vector<std::string>{"layer"} && !is_interval(path))
      out.push_back(path.substr(path.rfind('/') + 1));
  return out;
}

std::string tensor_table(const ResultReader& result, const SnapshotLabel& snapshot,
                         const std::string& tensor, const std::vector<std::string>& names) {
  std::vector<std::pair<std::string, std::string>> columns;
  for (const std::string& name : names)
    columns.emplace_back(
        column_title(name, units_of(result, fmt::format("layerwise/{}/{}", tensor, name))),
        tensor + "/" + name);
  return layer_table(result, snapshot, columns);
}

/// One table per tensor of the main quantities, and the names of the others.
std::string statistics_tables(const ResultReader& result, const SnapshotLabel& snapshot) {
  std::string out;
  for (const std::string& tensor : tensors_of(result, "layerwise")) {
    if (tensor == "integer") continue;  // has a table of its own
    const std::vector<std::string> all = quantities_of(result, tensor);
    std::vector<std::string> shown, others;
    for (const std::string& name : first_quantities())
      if (std::ranges::find(all, name) != all.end()) shown.push_back(name);
    if (shown.empty()) shown = all;
    for (const std::string& name : all)
      if (std::ranges::find(shown, name) == shown.end() && !name.starts_with("sensitivity_"))
        others.push_back(name);
    std::erase_if(shown, [&](const std::string& name) {  // no dead channels: no column
      const std::string path = fmt::format("layerwise/{}/{}", tensor, name);
      const auto row = result.row(path, snapshot);
      return result.file().dataset(path).content() == h5::Content::integers &&
             std::ranges::count(row, 0.0) == std::ssize(row);
    });
    const std::string table = tensor_table(result, snapshot, tensor, shown);
    if (table.empty()) continue;
    out += fmt::format("\n{}\n{}", tensor, table);
    if (!others.empty())
      out += fmt::format("also there (--tensor {}): {}\n", tensor, fmt::join(others, ", "));
  }
  return out;
}

std::string sensitivity_table(const ResultReader& result, const SnapshotLabel& snapshot) {
  std::vector<std::pair<std::string, std::string>> columns;
  for (const std::string tensor : {"weight", "output"})
    for (const auto& [which, title] :
         {std::pair<std::string, std::string>{"only", "alone"}, {"all_but", "all but"}})
      for (const auto& [metric, unit] :
           {std::pair<std::string, std::string>{"accuracy", "accuracy"},
            {"kl_divergence", "KL nat"}})
        columns.emplace_back(tensor + "\n" + title + ":\n" + unit,
                             tensor + "/sensitivity_" + which + "_" + metric);
  return layer_table(result, snapshot, columns);
}

std::string integer_table(const ResultReader& result, const SnapshotLabel& snapshot) {
  std::vector<std::pair<std::string, std::string>> columns;
  for (const std::string where : {"local", "accumulated"})
    for (const std::string rounding : {"single", "twice"}) {
      columns.emplace_back(where + "\nLSB,\n" + rounding,
                           "integer/" + where + "_difference_" + rounding);
      columns.emplace_back("equal", "integer/" + where + "_equal_" + rounding);
    }
  columns.emplace_back("headroom\n/ bit", "integer/accumulator_headroom");
  return layer_table(result, snapshot, columns);
}

std::string training_line(const ResultReader& result) {
  const h5::File& file = result.file();
  const auto last = [&](const char* name) {
    const auto values = file.dataset(std::string("training/") + name).read<double>();
    return values.empty() ? std::nan("") : values.back();
  };
  const int64_t rows = file.dataset("training/epoch").elements();
  if (rows == 0) return "no training\n";
  return fmt::format("{} epochs, the last one with loss {}, training accuracy {}, {} s\n", rows,
                     short_number(last("loss")), short_number(last("accuracy")),
                     short_number(last("seconds")));
}

/// The snapshots, and how to choose one for the layer tables.
std::string choices(const ResultReader& result) {
  std::string out;
  for (const SnapshotLabel& s : result.snapshots())
    out += fmt::format("{}{} {}", out.empty() ? "" : ", ", s.index, s.variant);
  return "snapshots: " + out + "; choose with --snapshot, --variant, --epoch\n";
}

std::string layer_tables(const ResultReader& result, const SnapshotChoice& choice) {
  std::vector<std::pair<const SnapshotLabel*, std::string>> shown;
  if (choice.is_made()) {
    shown.emplace_back(&chosen_snapshot(result, choice), "");
  } else {
    const SnapshotLabel* worst = worst_variant(result);
    for (const SnapshotLabel& s : result.snapshots())
      if (s.variant == float_variant) shown = {{&s, ", the last one not quantized"}};
    if (worst) shown.emplace_back(worst, ", the variant that loses most");
  }
  std::string out;
  for (const auto& [snapshot, why] : shown)
    out += fmt::format("\nlayerwise, {}{}\n", text_of(*snapshot), why) +
           statistics_tables(result, *snapshot);
  return out + "\n" + choices(result) + "one layer in full: --layer NAME\n";
}

/// The one snapshot of --layer and --tensor: the worst variant if none is chosen.
const SnapshotLabel& one_snapshot(const ResultReader& result, const SnapshotChoice& choice) {
  const SnapshotLabel* worst = choice.is_made() ? nullptr : worst_variant(result);
  return worst ? *worst : chosen_snapshot(result, choice);
}

/// The layers that cost most; of the variant that loses most if no snapshot is chosen.
std::string worst_layers(const ResultReader& result, const InspectRequest& request) {
  const SnapshotLabel& snapshot = request.choice.is_made() ? chosen_snapshot(result, request.choice)
                                                           : explained_variant(result, {});
  const Explanation explanation = explain(facts_of(result, snapshot), {}, 0);
  return fmt::format("{}\n", text_of(snapshot)) +
         (explanation.layers.empty() ? "errors by layer are not finite: nothing to rank\n"
                                     : table_of_worst(explanation, *request.worst)) +
         "causes and repairs: quantdyn explain\n";
}

std::string one_tensor(const ResultReader& result, const SnapshotLabel& snapshot,
                       const std::string& tensor) {
  const auto there = tensors_of(result, "layerwise");
  if (std::ranges::find(there, tensor) == there.end())
    throw_error<ConfigError>("{}: no tensor '{}'; there are: {}", result.file().path().string(),
                             tensor, fmt::join(there, ", "));
  const std::string table = tensor_table(result, snapshot, tensor, quantities_of(result, tensor));
  return fmt::format("{}, {}\n{}", tensor, text_of(snapshot),
                     table.empty() ? "no values in this snapshot\n" : table);
}

}  // namespace

std::string conclusion_of(const ResultReader& result, const InspectRequest& request) {
  if (request.worst || request.layer || request.tensor) return "";
  const SnapshotLabel* const worst = worst_variant(result);
  if (worst == nullptr || result.is_merged()) return "";
  try {
    const Verdict verdict = verdict_of(facts_of(result, *worst), {});
    return fmt::format("{}: {}\n\n", worst->variant, verdict.sentence);
  } catch (const Error&) {  // a file that lacks facts for a verdict has its tables all the same
    return "";
  }
}

std::string inspect_result(const std::filesystem::path& path, const InspectRequest& request) {
  return inspect_result(given_result(path), request);
}

std::string inspect_result(const ResultReader& result, const InspectRequest& request) {
  if (request.worst) return worst_layers(result, request);
  if (request.layer || request.tensor) {
    const SnapshotLabel& snapshot = one_snapshot(result, request.choice);
    if (request.tensor) return one_tensor(result, snapshot, *request.tensor) + choices(result);
    return fmt::format("{}\n", text_of(snapshot)) +
           inspect_layer(result, snapshot, *request.layer) + "\n" + choices(result);
  }
  std::string out = header(result);
  out += "\nnetwork\n" + network_table(result);
  out += "\ntraining\n" + training_line(result);
  out += "\nnetworkwise\n" + networkwise_table(result);
  const std::string next = fmt::format(
      "\nwhy, and what to do: quantdyn explain {0}\nall of it as one page: quantdyn "
      "report {0}\n",
      shell_word(result.file().path().string()));
  if (result.snapshots().empty()) return out;
  out += layer_tables(result, request.choice);
  const auto add = [&](const char* title, const SnapshotLabel& snapshot, const std::string& table) {
    if (!table.empty()) out += fmt::format("\n{}, {}\n{}", title, snapshot.variant, table);
  };
  for (const SnapshotLabel& snapshot : result.snapshots()) {
    if (request.choice.is_made() && &snapshot != &chosen_snapshot(result, request.choice)) continue;
    add("sensitivity", snapshot, sensitivity_table(result, snapshot));
    add("integer check against the simulation", snapshot, integer_table(result, snapshot));
  }
  return out + next;
}

}  // namespace quantdyn
