// The members of a sweep, as the file's `sweep:` lists them.
#pragma once

#include <vector>

#include "experiments/sweep/grid.h"
#include "framework/config/options.h"

namespace quantdyn {

/// The members that `sweep:` of a document makes, in their order; none where it has no such key:
///
///     sweep:                                       sweep:
///       - {name: dws, network.file: dws.yaml}        grid: {network.file: [a.yaml, b.yaml], seed:
///       [0, 1]}
///       - {name: small, network.width: 0.5}          exclude: [...]
///                                                    include: [{name: small, network.width: 0.5}]
///
/// The grid comes first (grid_members()), then `include`, whose entries are those of a plain list.
///
/// ConfigError: as grid_members(); an entry without a unique name that can be a folder's, or with
/// a key of the whole sweep; a member of `include` that sets what one of the grid sets; no member.
std::vector<SweepMember> sweep_members(const Options& document);

}  // namespace quantdyn
