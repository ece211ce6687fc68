#include "experiments/commands/inspect_layer.h"

#include <algorithm>
#include <cmath>

#include "experiments/text/table.h"
#include "framework/base/error.h"

namespace quantdyn {
namespace {

using Rows = std::vector<std::vector<std::string>>;

// A further axis of at most this many entries is printed entry by entry.
constexpr int64_t short_axis = 24;

size_t place_of(const std::vector<NodeRow>& network, const std::string& layer,
                const ResultReader& result) {
  std::string names;
  for (size_t i = 0; i < network.size(); ++i) {
    if (network[i].name == layer) return i;
    names += (i ? ", " : "") + network[i].name;
  }
  throw_error<ConfigError>("{}: no layer '{}'; there are: {}", result.file().path().string(), layer,
                           names);
}

std::string attribute(const h5::Dataset& array, const char* name) {
  return array.has_attribute(name) ? array.text(name) : "";
}

/// Counts in full, other numbers abbreviated.
std::string value_text(double value, bool is_count) {
  return is_count ? fmt::format("{:.0f}", value) : short_number(value);
}

std::string cut(const std::string& text, size_t most) {
  return text.size() <= most ? text : text.substr(0, most - 3) + "...";
}

/// The labels of an axis's places: from the dataset on that axis alone, else the axis's own values,
/// else numbers.
std::vector<std::string> places_of_axis(const h5::File& file, const std::string& axis,
                                        int64_t size) {
  std::vector<std::string> out;
  for (int64_t i = 0; i < size; ++i) out.push_back(std::to_string(i));
  if (!file.has(axis)) return out;
  const h5::Dataset scale = file.dataset(axis);
  h5::Content content = scale.content();
  std::string source = axis;
  for (const std::string& name : file.names()) {
    if (file.is_group(name) || name == axis) continue;
    if (file.dataset(name).axis_names() != std::vector<std::string>{axis}) continue;
    source = name;
    content = file.dataset(name).content();
    break;
  }
  if (const h5::Dataset labels = file.dataset(source); labels.elements() != size)
    throw_error<ConfigError>("{}: has {} entries; expected {}, as many as the axis {}",
                             labels.where(), labels.elements(), size, axis);
  if (content == h5::Content::texts) return file.dataset(source).read_texts();
  const auto values = file.dataset(source).read<double>();
  for (size_t i = 0; i < values.size(); ++i) out[i] = fmt::format("{:g}", values[i]);
  return out;
}

Rows quantities(const ResultReader& result, const SnapshotLabel& snapshot,
                const std::string& tensor, size_t node) {
  Rows rows = {{"quantity", "value", "unit", "what it is"}};
  const h5::File& file = result.file();
  for (const std::string& path : result.arrays("layerwise/" + tensor)) {
    const h5::Dataset array = file.dataset(path);
    const auto axes = result.axes(path);
    const auto sizes = array.sizes();
    if (axes.empty() || axes[0] != "layer") continue;
    const bool is_count = array.content() == h5::Content::integers;
    const std::string name = path.substr(path.rfind('/') + 1), units = attribute(array, "units"),
                      long_name = cut(attribute(array, "long_name"), 60);
    const std::vector<double> row = result.row(path, snapshot);
    const size_t each = row.size() / static_cast<size_t>(sizes[1]);
    const std::span values = std::span(row).subspan(node * each, each);
    if (std::ranges::all_of(values, [](double v) { return std::isnan(v); })) continue;
    if (axes.size() == 1) {
      rows.push_back({name, value_text(values[0], is_count), units, long_name});
    } else if (axes.size() == 2 && sizes[2] <= short_axis) {
      const auto places = places_of_axis(file, axes[1], sizes[2]);
      for (size_t i = 0; i < each; ++i)
        rows.push_back({fmt::format("{} [{}]", name, places[i]), value_text(values[i], is_count),
                        units, i == 0 ? long_name : ""});
    } else {
      double sum = 0;
      for (double v : values) sum += v;
      const auto filled = std::ranges::count_if(values, [](double v) { return v != 0; });
      rows.push_back({fmt::format("{} [{}]", name, each), value_text(sum, is_count), units,
                      fmt::format("{}: sum over the axis {}; {} entries are not 0", long_name,
                                  axes[1], filled)});
    }
  }
  // A tensor that was not observed has counts of 0 and nothing else.
  const bool is_seen =
      std::ranges::any_of(rows, [](const auto& row) { return row[1] != "0" && row[1] != "value"; });
  return is_seen ? rows : Rows{};
}

/// A row of the channels' table, from the values of channels 0, 1 ...
std::vector<std::string> extremes(const std::string& name, const std::string& units,
                                  std::span<const double> values) {
  std::vector<size_t> order;
  for (size_t i = 0; i < values.size(); ++i)
    if (!std::isnan(values[i])) order.push_back(i);
  if (order.empty()) return {};
  std::ranges::stable_sort(order, {}, [&](size_t i) { return values[i]; });
  const size_t n = order.size();
  const double median = (values[order[(n - 1) / 2]] + values[order[n / 2]]) / 2;
  return {name,
          short_number(values[order.front()]),
          std::to_string(order.front()),
          short_number(median),
          short_number(values[order.back()]),
          std::to_string(order.back()),
          units};
}

Rows channels(const ResultReader& result, const SnapshotLabel& snapshot, const std::string& tensor,
              const NodeRow& node) {
  Rows rows = {{"quantity", "smallest", "in\nchannel", "median", "largest", "in\nchannel", "unit"}};
  const auto of_node = [&](const std::string& path) {
    const auto row = result.row(path, snapshot);
    return std::vector<double>(row.begin() + node.channel_offset,
                               row.begin() + node.channel_offset + node.channels);
  };
  const auto add = [&](std::vector<std::string> row) {
    if (!row.empty()) rows.push_back(std::move(row));
  };
  const std::string group = "channelwise/" + tensor;
  const h5::File& file = result.file();
  if (file.has(group + "/min") && file.has(group + "/max")) {
    std::vector<double> range = of_node(group + "/max");
    const std::vector<double> low = of_node(group + "/min");
    for (size_t i = 0; i < range.size(); ++i) range[i] -= low[i];
    add(extremes("range (max - min)", attribute(file.dataset(group + "/max"), "units"), range));
  }
  for (const std::string& path : result.arrays(group)) {
    const h5::Dataset array = file.dataset(path);
    if (result.axes(path) != std::vector<std::string>{"channel"}) continue;
    const std::vector<double> values = of_node(path);
    const bool is_count = array.content() == h5::Content::integers;
    // Usually every channel has the same count: only counts that differ are worth a row.
    if (is_count && std::ranges::adjacent_find(values, std::not_equal_to<>()) == values.end())
      continue;
    add(extremes(path.substr(group.size() + 1), attribute(array, "units"), values));
  }
  return rows;
}

}  // namespace

std::vector<std::string> tensors_of(const ResultReader& result, const std::string& scope) {
  const std::vector<std::string> first = {"weight", "folded_weight", "conv", "norm", "output"};
  std::vector<std::string> out, others;
  if (!result.file().is_group(scope)) return out;
  const h5::Group group = result.file().group(scope);
  for (const std::string& name : first)
    if (group.is_group(name)) out.push_back(name);
  for (const std::string& name : group.names())
    if (group.is_group(name) && std::ranges::find(first, name) == first.end()) out.push_back(name);
  return out;
}

std::string inspect_layer(const ResultReader& result, const SnapshotLabel& snapshot,
                          const std::string& layer) {
  const auto network = result.network();
  const size_t place = place_of(network, layer, result);
  const NodeRow& node = network[place];
  std::string out =
      fmt::format("{}: {} of {}, output {}, {} parameters, {} multiply-accumulates\n", node.name,
                  node.kind, node.inputs.empty() ? "nothing" : node.inputs,
                  result.output_shapes().at(place), node.parameters, node.multiply_accumulates);
  for (const std::string& tensor : tensors_of(result, "layerwise")) {
    const Rows rows = quantities(result, snapshot, tensor, place);
    if (rows.size() > 1) out += fmt::format("\n{}\n", tensor) + format_table(rows);
  }
  for (const std::string& tensor : tensors_of(result, "channelwise")) {
    const Rows rows = channels(result, snapshot, tensor, node);
    if (rows.size() > 1)
      out += fmt::format("\n{}: its {} channels\n", tensor, node.channels) + format_table(rows);
  }
  return out;
}

}  // namespace quantdyn
