#include "experiments/results/metric_table.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <tuple>

#include "experiments/results/config_difference.h"
#include "experiments/results/merge_results.h"
#include "experiments/results/result_reader.h"
#include "experiments/text/varied_names.h"
#include "framework/base/error.h"
#include "framework/config/config_node.h"

namespace quantdyn {
namespace {

using Readers = std::vector<std::unique_ptr<ResultReader>>;

/// The value of "train.epochs" or "variants.0.name"; "" if there is none.
std::string value_at(const ConfigNode& root, const std::string& key) {
  const ConfigNode* node = &root;
  for (size_t begin = 0; begin <= key.size();) {
    const size_t end = std::min(key.find('.', begin), key.size());
    const std::string word = key.substr(begin, end - begin);
    begin = end + 1;
    ConfigNode::Pointer next;
    if (node->kind == ConfigNode::Kind::map) next = node->find(word);
    if (node->kind == ConfigNode::Kind::sequence &&
        word.find_first_not_of("0123456789") == std::string::npos && word.size() < 6 &&
        std::stoul(word) < node->items.size())
      next = node->items[std::stoul(word)];
    if (!next) return "";
    node = next.get();
  }
  return emit_inline_yaml(*node);
}

std::vector<std::string> values_at(const ResultReader& result,
                                   const std::vector<std::string>& keys) {
  const auto config = parse_yaml(
      result.file().group("config").dataset("resolved").read_texts().at(0), "/config/resolved");
  std::vector<std::string> out;
  for (const std::string& key : keys) out.push_back(value_at(*config, key));
  return out;
}

void require_keys(const MetricTable& table) {
  for (size_t k = 0; k < table.keys.size(); ++k)
    if (std::ranges::all_of(table.runs, [&](const auto& run) { return run.values[k].empty(); }))
      throw_error<ConfigError>(
          "{}: no result has this key; accepted: keys of the experiment, as in network or "
          "initializer.name",
          table.keys[k]);
}

/// The keys that have several values, and these.
std::vector<VariedKey> varied_keys(const MetricTable& table) {
  std::vector<VariedKey> out;
  for (size_t k = 0; k < table.keys.size(); ++k) {
    VariedKey varied{table.keys[k], {}};
    for (const MetricTable::Run& run : table.runs)
      if (std::ranges::find(varied.values, run.values[k]) == varied.values.end())
        varied.values.push_back(run.values[k]);
    if (varied.values.size() > 1) out.push_back(std::move(varied));
  }
  return out;
}

void name_groups(MetricTable& table, const std::string& whole) {
  const std::vector<VariedKey> varied = varied_keys(table);
  const auto parts = name_parts(varied);
  for (MetricTable::Run& run : table.runs) {
    std::vector<std::string> words;
    for (size_t v = 0; v < varied.size(); ++v) {
      const auto k = std::ranges::find(table.keys, varied[v].key) - table.keys.begin();
      const auto place = std::ranges::find(varied[v].values, run.values[static_cast<size_t>(k)]);
      words.push_back(parts[v][static_cast<size_t>(place - varied[v].values.begin())]);
    }
    run.group = words.empty() ? whole : fmt::format("{}", fmt::join(words, "-"));
  }
}

/// A mean over runs of other experiments, or over one run twice, would be wrong.
void check_groups(const MetricTable& table, const Readers& readers,
                  const std::vector<NamedResult>& results) {
  std::map<std::vector<std::string>, size_t> first;
  std::map<std::pair<std::vector<std::string>, int64_t>, size_t> seeds;
  for (size_t r = 0; r < table.runs.size(); ++r) {
    const MetricTable::Run& run = table.runs[r];
    const auto refuse = [&](size_t other, const std::string& why) {
      throw_error<ConfigError>("{} and {} belong to one group, '{}', {}",
                               results[other].result.string(), results[r].result.string(),
                               run.group, why);
    };
    if (const auto [found, is_new] = seeds.emplace(std::pair(run.values, run.seed), r); !is_new)
      refuse(found->second, fmt::format("and both have the seed {}", run.seed));
    const auto [found, is_new] = first.emplace(run.values, r);
    const std::string ignored[] = {"seed", "name", "output"};
    const auto differences =
        is_new ? std::vector<ConfigDifference>{}
               : experiment_differences(*readers[found->second], *readers[r], ignored);
    if (!differences.empty())
      refuse(found->second, fmt::format("but differ in {}: {} against {}", differences[0].key,
                                        differences[0].a, differences[0].b));
  }
}

void add_rows(MetricTable& table, size_t run, const ResultReader& result) {
  const int64_t last_step = result.last().step;
  for (const SnapshotLabel& snapshot : result.snapshots()) {
    if (snapshot.step != last_step) continue;
    if (snapshot.variant == float_variant && snapshot.index != result.last().index) continue;
    for (const std::string& path : result.arrays("networkwise")) {
      if (!result.axes(path).empty()) continue;
      const h5::Dataset array = result.file().dataset(path);
      table.rows.push_back({run, snapshot.variant, path.substr(path.rfind('/') + 1),
                            array.has_attribute("units") ? array.text("units") : "",
                            result.row(path, snapshot).at(0), 0, 0, 0});
    }
  }
}

void add_means(MetricTable& table) {
  std::map<std::tuple<std::vector<std::string>, std::string, std::string>, std::vector<size_t>>
      cells;
  for (size_t i = 0; i < table.rows.size(); ++i) {
    const MetricTable::Row& row = table.rows[i];
    cells[{table.runs[row.run].values, row.variant, row.metric}].push_back(i);
  }
  for (const auto& [cell, places] : cells) {
    std::vector<double> values;
    double sum = 0;
    for (const size_t i : places) sum += values.emplace_back(table.rows[i].value);
    for (const size_t i : places) {
      table.rows[i].count = std::ssize(places);
      table.rows[i].mean = sum / static_cast<double>(values.size());
      table.rows[i].interval = values.size() > 1 ? interval_95(values) : std::nan("");
    }
  }
}

}  // namespace

MetricTable metric_table(const std::vector<NamedResult>& results,
                         const std::vector<std::string>& keys, const std::string& whole) {
  MetricTable out;
  for (const std::string& key : keys)
    if (key != "seed" && key != "name") out.keys.push_back(key);
  Readers readers;
  for (const NamedResult& named : results) {
    readers.push_back(std::make_unique<ResultReader>(named.result));
    const ResultReader& result = *readers.back();
    if (result.is_merged())
      throw_error<ConfigError>("{}: is merged; accepted: results of single runs",
                               named.result.string());
    out.runs.push_back(
        {named.member, "", result.file().integer("seed"), values_at(result, out.keys)});
  }
  require_keys(out);
  name_groups(out, whole);
  check_groups(out, readers, results);
  for (size_t r = 0; r < readers.size(); ++r) add_rows(out, r, *readers[r]);
  add_means(out);
  return out;
}

}  // namespace quantdyn
