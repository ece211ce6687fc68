#include "experiments/inspect_result.h"

#include <algorithm>
#include <cmath>

#include "experiments/result_reader.h"
#include "experiments/table.h"
#include "framework/error.h"

namespace quantdyn {
namespace {

using Rows = std::vector<std::vector<std::string>>;

/// Four significant digits; "-" for a value that does not exist.
std::string short_number(double value) {
  return std::isnan(value) ? "-" : fmt::format("{:.4g}", value);
}

std::string header(const ResultReader& result) {
  const h5::File& file = result.file();
  std::string out;
  const auto line = [&](const std::string& name, const std::string& value) {
    out += fmt::format("{:<13} {}\n", name, value);
  };
  line("file", file.path().string());
  line("status", file.text("status"));
  line("schema", std::to_string(file.integer("schema")));
  line("version", fmt::format("{} ({})", file.text("version"), file.text("git_revision")));
  line("created", file.text("created"));
  line("command line", file.text("command_line"));
  line("seed", std::to_string(file.integer("seed")));
  const h5::Group provenance = file.group("provenance");
  for (const std::string& name : provenance.attributes()) {
    const h5::Content content = provenance.attribute_content(name);
    line(name, content == h5::Content::texts      ? provenance.text(name)
               : content == h5::Content::integers ? std::to_string(provenance.integer(name))
                                                  : short_number(provenance.number(name)));
  }
  return out;
}

std::string network_table(const ResultReader& result) {
  Rows rows = {{"node", "kind", "inputs", "output", "parameters", "multiply-accumulates"}};
  const auto shapes = result.output_shapes();
  const auto network = result.network();
  int64_t parameters = 0, products = 0;
  for (size_t i = 0; i < network.size(); ++i) {
    const NodeRow& node = network[i];
    rows.push_back({node.name, node.kind, node.inputs, shapes.at(i),
                    std::to_string(node.parameters), std::to_string(node.multiply_accumulates)});
    parameters += node.parameters;
    products += node.multiply_accumulates;
  }
  rows.push_back({"total", "", "", "", std::to_string(parameters), std::to_string(products)});
  return format_table(rows);
}

/// The names of the arrays in a group, without its axes and labels.
std::vector<std::string> arrays_of(const h5::File& file, const std::string& group) {
  std::vector<std::string> out;
  if (!file.has(group)) return out;
  for (const std::string& name : file.group(group).names())
    if (!file.has(name)) out.push_back(name);  // axes and labels are linked from the root
  return out;
}

std::string networkwise_table(const ResultReader& result) {
  const auto names = arrays_of(result.file(), "networkwise");
  Rows rows = {{"snapshot", "epoch", "variant"}};
  rows[0].insert(rows[0].end(), names.begin(), names.end());
  for (const SnapshotLabel& s : result.snapshots()) {
    std::vector<std::string> row = {std::to_string(s.index), std::to_string(s.epoch), s.variant};
    for (const std::string& name : names)
      row.push_back(short_number(result.row("networkwise/" + name, s).at(0)));
    rows.push_back(std::move(row));
  }
  return format_table(rows);
}

/// A table with a row a node and those of the columns (title, path below /layerwise) that the
/// snapshot has; "" where it has none of them.
std::string layer_table(const ResultReader& result, const SnapshotLabel& snapshot,
                        const std::vector<std::pair<std::string, std::string>>& columns) {
  Rows rows = {{"node"}};
  const auto network = result.network();
  for (const NodeRow& node : network) rows.push_back({node.name});
  for (const auto& [title, path] : columns) {
    const std::vector<double> values = result.row("layerwise/" + path, snapshot);
    if (values.size() != network.size()) continue;  // this run did not track it
    if (std::ranges::all_of(values, [](double v) { return std::isnan(v); })) continue;
    rows[0].push_back(title);
    for (size_t i = 0; i < values.size(); ++i) rows[i + 1].push_back(short_number(values[i]));
  }
  return rows[0].size() > 1 ? format_table(rows) : "";
}

std::string statistics_table(const ResultReader& result, const SnapshotLabel& snapshot) {
  std::vector<std::pair<std::string, std::string>> columns;
  for (const std::string tensor : {"weight", "output"})
    for (const std::string statistic : {"min", "max", "mean", "std"})
      columns.emplace_back(tensor + " " + statistic, tensor + "/" + statistic);
  columns.emplace_back("weight precision", "weight/average_channel_precision");
  columns.emplace_back("folded precision", "folded_weight/average_channel_precision");
  columns.emplace_back("output precision", "output/average_channel_precision");
  columns.emplace_back("local SQNR dB", "output/local_sqnr");
  columns.emplace_back("accumulated SQNR dB", "output/accumulated_sqnr");
  return layer_table(result, snapshot, columns);
}

std::string sensitivity_table(const ResultReader& result, const SnapshotLabel& snapshot) {
  std::vector<std::pair<std::string, std::string>> columns;
  for (const std::string tensor : {"weight", "output"})
    for (const auto& [which, title] :
         {std::pair<std::string, std::string>{"only", "alone"}, {"all_but", "all but"}})
      for (const auto& [metric, unit] :
           {std::pair<std::string, std::string>{"accuracy", "accuracy"},
            {"kl_divergence", "KL nat"}})
        columns.emplace_back(tensor + " " + title + ": " + unit,
                             tensor + "/sensitivity_" + which + "_" + metric);
  return layer_table(result, snapshot, columns);
}

std::string integer_table(const ResultReader& result, const SnapshotLabel& snapshot) {
  std::vector<std::pair<std::string, std::string>> columns;
  for (const std::string where : {"local", "accumulated"})
    for (const std::string rounding : {"single", "twice"}) {
      columns.emplace_back(where + " LSB, " + rounding,
                           "integer/" + where + "_difference_" + rounding);
      columns.emplace_back("equal", "integer/" + where + "_equal_" + rounding);
    }
  columns.emplace_back("headroom / bit", "integer/accumulator_headroom");
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

}  // namespace

std::string inspect_result(const std::filesystem::path& path) {
  const ResultReader result(path);
  std::string out = header(result);
  out += "\nnetwork\n" + network_table(result);
  out += "\ntraining\n" + training_line(result);
  out += "\nnetworkwise\n" + networkwise_table(result);
  if (result.snapshots().empty()) return out;
  const SnapshotLabel& last = result.snapshots().back();
  out += fmt::format("\nlayerwise, snapshot {} ({} at epoch {})\n", last.index, last.variant,
                     last.epoch);
  out += statistics_table(result, last);
  const auto add = [&](const char* title, const SnapshotLabel& snapshot, const std::string& table) {
    if (!table.empty()) out += fmt::format("\n{}, {}\n{}", title, snapshot.variant, table);
  };
  for (const SnapshotLabel& snapshot : result.snapshots()) {
    add("sensitivity", snapshot, sensitivity_table(result, snapshot));
    add("integer check against the simulation", snapshot, integer_table(result, snapshot));
  }
  return out;
}

}  // namespace quantdyn
