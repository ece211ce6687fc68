// Looking values up in a table of levels: the vectorised kernel, and its reference.
#pragma once

#include "framework/graph/tap.h"
#include "quant/kernels/level_table.h"

namespace quantdyn {

/// Replaces a tile's values by their levels; NaN stays, bit for bit. Infinities become the first
/// and the last level.
void levels_apply(const LevelTable& table, const MutableTile& tile);

/// The same, bit for bit, one value at a time.
void levels_apply_reference(const LevelTable& table, const MutableTile& tile);

/// The places of a tile's levels, packed [rows, channels]; `for_nan` where a value is NaN.
void level_places(const LevelTable& table, const Tile& tile, int32_t for_nan, int32_t* places);

}  // namespace quantdyn
