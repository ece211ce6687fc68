// The numbers that decide what `quantdyn explain` says, each an option with its source.
#pragma once

#include <span>
#include <string>
#include <vector>

namespace quantdyn {

/// A threshold's option, `--threshold NAME=VALUE`.
struct ThresholdRow {
  std::string name;
  double value;      ///< the default
  double low, high;  ///< what is accepted
  std::string what;
  std::string source;  ///< author and year, or why it is ours
};

/// All of them, in the order of the help.
const std::vector<ThresholdRow>& threshold_table();

/// The values in force: the defaults, or what the command line says.
class Thresholds {
 public:
  /// `settings` are "NAME=VALUE". ConfigError: no such name, not a number, out of range.
  static Thresholds from(std::span<const std::string> settings);
  Thresholds();

  double of(const std::string& name) const;

 private:
  std::vector<double> values_;  // in the table's order
};

/// The table as lines for `quantdyn explain --help`.
std::string thresholds_help();

}  // namespace quantdyn
