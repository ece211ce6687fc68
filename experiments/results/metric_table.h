// The numbers of several runs in one long table, with means and intervals over the runs of a group.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "experiments/text/flat_table.h"

namespace quantdyn {

/// A finished run and its name.
struct NamedResult {
  std::string member;
  std::filesystem::path result;
};

/// One row a run x variant x metric.
struct MetricTable {
  struct Run {
    std::string member, group;
    int64_t seed;
    std::vector<std::string> values;  ///< of `keys`, as YAML in one line; "": the run has none
  };
  struct Row {
    size_t run;  ///< its place in `runs`
    std::string variant, metric, units;
    double value;           ///< NaN where the run has none
    double mean, interval;  ///< of `value` over the group's runs that have the variant, and the
                            ///< half-width of its 95 % confidence interval (interval_95(); NaN of
                            ///< a single run)
    int64_t count;          ///< how many runs these are
  };
  std::vector<std::string> keys;  ///< of the experiment; without `seed`
  std::vector<Run> runs;
  std::vector<Row> rows;
};

/// The rows of all variants at the last step, for each array of /networkwise that has no axis
/// but `snapshot`. A group is of runs that differ in none of `keys` but `seed`; it is named after
/// those that vary (name_parts()), or `whole` where none does.
///
/// ConfigError: as ResultReader(); no result has a key; two runs of a group have one seed, or
/// experiments that differ in another key.
MetricTable metric_table(const std::vector<NamedResult>& results,
                         const std::vector<std::string>& keys, const std::string& whole);

/// Every row: a column for each of `keys` and each number.
FlatTable columns_of(const MetricTable& table);
/// Every row as one-dimensional arrays of the columns' names in an HDF5 file. Error: it cannot be
/// written.
void write_metrics(const MetricTable& table, const std::filesystem::path& path);

}  // namespace quantdyn
