// The grid of a sweep: every combination of some keys' values.
#pragma once

#include <string>
#include <vector>

#include "framework/config/options.h"

namespace quantdyn {

/// A key that a member of a sweep sets, as by `--set`.
struct SweepKey {
  std::string key;
  std::string value;  ///< YAML in one line
  std::string where;  ///< "file:line"
};

/// One of a sweep's runs.
struct SweepMember {
  std::string name;
  std::string where;           ///< "file:line"
  std::vector<SweepKey> keys;  ///< `name`, too
  int64_t number = 0;          ///< from 1, in the sweep
};

inline constexpr int64_t most_members = 10'000;

/// Every combination of the values of `grid`, the last key varying fastest, without those that an
/// entry of `exclude` matches: for each of its keys the member has the value, or one of the list.
///
///     grid: {network.file: [networks/regular.yaml, networks/dws.yaml], seed: [0, 1, 2]}
///     exclude:
///       - {network.file: networks/dws.yaml, seed: [1, 2]}
///
/// Their names are the name_parts() of all keys, joined by '-': also of those with one value, so
/// that a grid which grows finds the results of its members where they are (but for values without
/// a text of their own, which are numbered).
/// ConfigError: a key without a list of different values, a key that overwrites another one, an
/// entry of `exclude` that matches nothing, a name that is too long, more than most_members of
/// them.
std::vector<SweepMember> grid_members(const Options& grid, const std::vector<Options>& exclude);

}  // namespace quantdyn
