// Which keys of two experiments differ.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "experiments/results/result_reader.h"

namespace quantdyn {

/// "-" if a config lacks the key.
struct ConfigDifference {
  std::string key, a, b;
};

/// Compares two YAML texts value by value, in the order of `a`, then what only `b` has. A section
/// that one lacks is one difference. List entries are matched by their key `name` if all have one
/// ("variants[int8].bias"), otherwise by number; `ignored` are top-level keys.
std::vector<ConfigDifference> config_differences(const std::string& a, const std::string& b,
                                                 std::span<const std::string> ignored = {});

/// The same for the experiments of two results, with every default; then the plugin libraries whose
/// bytes differ ("plugin libmine.so", the SHA-256s).
std::vector<ConfigDifference> experiment_differences(const ResultReader& a, const ResultReader& b,
                                                     std::span<const std::string> ignored = {});

}  // namespace quantdyn
