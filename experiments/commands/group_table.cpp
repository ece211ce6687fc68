#include "experiments/commands/group_table.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "experiments/results/result.h"
#include "experiments/text/table.h"
#include "framework/base/error.h"

namespace quantdyn {
namespace {

/// "0.7713 +-0.0021"; a single run has no interval.
std::string mean_text(const MetricTable::Row* row, int digits) {
  if (row == nullptr || std::isnan(row->mean)) return "-";
  const std::string mean = number_text(row->mean, digits);
  return std::isnan(row->interval)
             ? mean
             : fmt::format("{} +-{}", mean, number_text(row->interval, digits));
}

struct Shown {
  const char *title, *metric;
  int digits;
};

constexpr Shown shown[] = {{"quantized accuracy", "accuracy", 4},
                           {"relative decrease", "relative_accuracy_decrease", 4},
                           {"channel precision", "average_channel_precision", 3},
                           {"SQNR of logits / dB", "logits_sqnr", 1}};

/// The first of a group's rows, which all have the same mean, by variant and metric.
using Means = std::map<std::pair<std::string, std::string>, const MetricTable::Row*>;

std::vector<std::string> text_row(const std::string& group, const std::string& variant,
                                  const Means& means) {
  const auto find = [&](const std::string& of, const char* metric) {
    const auto found = means.find({of, metric});
    return found == means.end() ? nullptr : found->second;
  };
  const bool is_float = variant == float_variant;
  const MetricTable::Row* any = means.lower_bound({variant, ""})->second;
  std::vector<std::string> out{group, std::to_string(any->count), is_float ? "-" : variant,
                               mean_text(find(float_variant, "accuracy"), 4)};
  for (const Shown& column : shown) {
    const bool has_number =
        !is_float || std::string_view(column.metric) == "average_channel_precision";
    out.push_back(mean_text(has_number ? find(variant, column.metric) : nullptr, column.digits));
  }
  return out;
}

}  // namespace

std::string group_table(const MetricTable& table) {
  std::vector<std::string> groups;
  std::map<std::string, Means> means;
  std::map<std::string, std::vector<std::string>> variants;
  for (const MetricTable::Row& row : table.rows) {
    const std::string& group = table.runs[row.run].group;
    if (means[group].empty()) groups.push_back(group);
    means[group].emplace(std::pair(row.variant, row.metric), &row);
    std::vector<std::string>& of_group = variants[group];
    if (std::ranges::find(of_group, row.variant) == of_group.end()) of_group.push_back(row.variant);
  }
  std::vector<std::vector<std::string>> rows{{"group", "runs", "variant", "float accuracy"}};
  for (const Shown& column : shown) rows[0].emplace_back(column.title);
  for (const std::string& group : groups)
    for (const std::string& variant : variants[group])
      if (variant != float_variant || variants[group].size() == 1)
        rows.push_back(text_row(group, variant, means[group]));
  return format_table(rows) +
         "mean +- half-width of its 95 % confidence interval over the runs (seeds) of a group\n";
}

}  // namespace quantdyn
