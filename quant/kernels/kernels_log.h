// Rounding to levels in geometric sequence: the vectorised kernel, and its reference.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "framework/graph/tap.h"

namespace quantdyn {

/// Levels L, L / b, L / b^2 ... of one sign; b = 2^(1 / families).
///
/// With base 2 each threshold is half the one above it, so the octaves from the topmost down to a
/// value are one difference of the floats' bits. With base sqrt 2 every second one is: two
/// families.
struct LogGrid {
  int families = 1;
  int32_t levels = 127;  ///< of one sign: a code's size is 1 for the smallest ... levels for L
  bool is_signed = true;
  bool rounds_to_zero = true;  ///< what is under the lowest threshold; else to the smallest level

  /// By entry, one or one for each channel: bits of the two topmost levels and of the smallest
  /// values that become them (the second of each only with two families), and the smallest code
  /// whose level is given, at least 2^-125.
  struct Column {
    std::array<int32_t, 2> level, threshold;
    int32_t lowest;
  };
  std::array<std::vector<int32_t>, 2> level, threshold;
  std::vector<int32_t> lowest;

  void push_back(const Column& column);
  bool is_per_channel() const { return lowest.size() > 1; }
  /// The level of a code of size 1 ... levels.
  float level_of(int64_t column, int32_t size) const;
};

/// Replaces a tile's values by their levels; NaN stays, bit for bit; infinities become +-L.
void log_apply(const LogGrid& grid, const MutableTile& tile);

/// The same, bit for bit, one value at a time, by comparing with every threshold.
void log_apply_reference(const LogGrid& grid, const MutableTile& tile);

/// The codes of a tile, packed [rows, channels], with the sign of the value; `for_nan` for NaN.
void log_codes(const LogGrid& grid, const Tile& tile, int32_t for_nan, int32_t* codes);

}  // namespace quantdyn
