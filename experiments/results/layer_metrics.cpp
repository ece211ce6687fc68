#include "experiments/results/layer_metrics.h"

#include <algorithm>
#include <cmath>

#include "framework/base/error.h"

namespace quantdyn {
namespace {

using Values = std::vector<double>;

bool has_finite(const Values& values) {
  return std::ranges::any_of(values, [](double v) { return std::isfinite(v); });
}

std::string units_of(const ResultReader& result, const std::string& path) {
  const h5::Dataset array = result.file().dataset(path);
  return array.has_attribute("units") ? array.text("units") : "";
}

/// log2(max - min) of every node; NaN where the tensor has no range.
Values log2_range(const ResultReader& result, const SnapshotLabel& snapshot,
                  const std::string& group) {
  const Values low = result.row(group + "/min", snapshot),
               high = result.row(group + "/max", snapshot);
  Values out;
  for (size_t i = 0; i < low.size() && i < high.size(); ++i) {
    const double range = high[i] - low[i];
    out.push_back(range > 0 ? std::log2(range) : std::nan(""));
  }
  return out;
}

/// Means over the channels of every node, channels without a value left out.
Values channel_mean(const ResultReader& result, const SnapshotLabel& snapshot,
                    const std::string& path) {
  const Values row = result.row(path, snapshot);
  Values out;
  if (row.empty()) return out;
  for (const NodeRow& node : result.network()) {
    double sum = 0;
    int64_t count = 0;
    for (int64_t c = node.channel_offset; c < node.channel_offset + node.channels; ++c) {
      const double value = row[static_cast<size_t>(c)];
      if (std::isnan(value)) continue;
      sum += value;
      ++count;
    }
    out.push_back(count ? sum / static_cast<double>(count) : std::nan(""));
  }
  return out;
}

/// One result's values of a metric at one snapshot; empty where the file has none.
Values values_of(const ResultReader& result, const SnapshotLabel& snapshot,
                 const std::string& tensor, const std::string& name) {
  const std::string group = "layerwise/" + tensor;
  if (name == "log2_range" && !result.file().has(group + "/log2_range"))
    return log2_range(result, snapshot, group);
  if (name == "mean_effective_bits" && !result.file().has(group + "/mean_effective_bits"))
    return channel_mean(result, snapshot, "channelwise/" + tensor + "/effective_bits");
  const std::string path = group + "/" + name;
  if (!result.file().has(path) || result.axes(path) != std::vector<std::string>{"layer"}) return {};
  return result.row(path, snapshot);
}

const SnapshotLabel* last_float(const ResultReader& result) {
  const SnapshotLabel* out = nullptr;
  for (const SnapshotLabel& s : result.snapshots())
    if (s.variant == float_variant) out = &s;
  return out;
}

std::optional<LayerMetric> metric_of(const ComparedResults& results, const std::string& tensor,
                                     const std::string& name) {
  LayerMetric out{.tensor = tensor,
                  .name = name,
                  .units = "",
                  .a = values_of(results.a, results.of_a, tensor, name),
                  .b = values_of(results.b, results.of_b, tensor, name)};
  const SnapshotLabel *float_a = last_float(results.a), *float_b = last_float(results.b);
  if (!(has_finite(out.a) && has_finite(out.b)) && float_a && float_b) {
    out.a = values_of(results.a, *float_a, tensor, name);
    out.b = values_of(results.b, *float_b, tensor, name);
  }
  if (!has_finite(out.a) || !has_finite(out.b)) return std::nullopt;
  const std::string path = fmt::format("layerwise/{}/{}", tensor, name);
  if (name == "log2_range" || name == "mean_effective_bits")
    out.units = "bit";
  else
    out.units = units_of(results.a, path);
  return out;
}

std::vector<std::string> all_names(const ComparedResults& results, const std::string& tensor) {
  std::vector<std::string> names = {"log2_range", "mean_effective_bits"};
  for (const std::string& path : results.a.arrays("layerwise/" + tensor)) {
    const std::string name = path.substr(path.rfind('/') + 1);
    if (results.a.file().dataset(path).content() == h5::Content::floats && name != names[0] &&
        name != names[1])
      names.push_back(name);
  }
  return names;
}

/// The population variance of the finite values.
double variance(const Values& values) {
  double sum = 0, squares = 0;
  int64_t n = 0;
  for (double v : values)
    if (std::isfinite(v)) sum += v, ++n;
  for (double v : values)
    if (std::isfinite(v)) {
      const double off = v - sum / static_cast<double>(n);
      squares += off * off;
    }
  return squares / static_cast<double>(n);
}

}  // namespace

std::vector<LayerMetric> layer_metrics(const ComparedResults& results,
                                       const std::optional<std::string>& tensor) {
  std::vector<LayerMetric> out;
  const auto add = [&](const std::string& of, const std::vector<std::string>& names) {
    for (const std::string& name : names)
      if (auto metric = metric_of(results, of, name)) out.push_back(std::move(*metric));
  };
  if (tensor) {
    add(*tensor, all_names(results, *tensor));
    return out;
  }
  const char* folded = "layerwise/folded_weight";
  const std::string weight =
      results.a.file().has(folded) && results.b.file().has(folded) ? "folded_weight" : "weight";
  add(weight, {"log2_range", "average_channel_precision", "mean_effective_bits"});
  add("weight", {"sensitivity_only_accuracy", "sensitivity_all_but_accuracy"});
  add("output", {"log2_range", "average_channel_precision", "mean_effective_bits", "local_sqnr",
                 "accumulated_sqnr", "sensitivity_only_accuracy", "sensitivity_all_but_accuracy"});
  return out;
}

std::vector<LayerDifference> ranked_differences(const std::vector<LayerMetric>& metrics,
                                                const std::vector<NodePair>& nodes) {
  std::vector<LayerDifference> out;
  for (size_t m = 0; m < metrics.size(); ++m) {
    const LayerMetric& metric = metrics[m];
    const double spread = std::sqrt((variance(metric.a) + variance(metric.b)) / 2);
    for (const NodePair& pair : nodes) {
      if (pair.a < 0 || pair.b < 0) continue;
      const double difference =
          metric.b[static_cast<size_t>(pair.b)] - metric.a[static_cast<size_t>(pair.a)];
      if (!std::isfinite(difference) || difference == 0) continue;
      out.push_back({m, pair, difference, std::abs(difference) / spread});
    }
  }
  std::ranges::stable_sort(out, std::greater<>(), &LayerDifference::spreads);
  return out;
}

}  // namespace quantdyn
