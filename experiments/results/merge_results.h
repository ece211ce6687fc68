// `quantdyn merge A.h5 B.h5 ... --output M.h5`: results of several seeds as mean and interval.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace quantdyn {

struct MergeRequest {
  std::vector<std::filesystem::path> results;
  std::filesystem::path output;
  std::string command_line;
  bool force = false;  ///< replace an existing file
};

/// Writes one file of a result's layout with the status "merged" (FILE.md, "A merged file"), and
/// its .sha256 beside it. Of /networkwise, /layerwise and /training: floating-point arrays under
/// their names are means over the runs, `<name>_interval` is the half-width of the 95 % confidence
/// interval; `<name>_runs` also has the runs' own values of scalars of a layer or of the net.
/// Integers are counts and are summed. Returns a few lines that say what was done.
///
/// ConfigError: fewer than two results, two of the same seed, different networks, snapshots, axes
/// or arrays, or config keys other than seed, name and output that differ; it says which and how.
/// Error as ResultReader; the file cannot be written.
std::string merge_results(const MergeRequest& request);

/// Half-width of the 95 % confidence interval of a mean: t s / sqrt(n), s the sample standard
/// deviation, t the 0.975 quantile of Student's distribution with n - 1 degrees of freedom (Student
/// 1908). NaN if a value is not finite. Needs two values.
double interval_95(std::span<const double> values);

}  // namespace quantdyn
