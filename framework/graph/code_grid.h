// Evenly spaced values with codes of at most 8 bits, and the transforms that give them.
#pragma once

#include <cstdint>
#include <optional>

#include "framework/graph/tap.h"

namespace quantdyn {

/// value = scale (code - zero_point), code in [lowest, highest].
struct CodeGrid {
  float scale;
  int32_t zero_point, lowest, highest;

  friend bool operator==(const CodeGrid&, const CodeGrid&) = default;
};

/// A transform to the values of codes.
class CodeTransform : public Transform {
 public:
  /// Its grid, if there is one for all channels with at most 256 codes, and if a value's code
  /// depends on the value alone and is the nearest one up to float32's rounding. None otherwise.
  virtual std::optional<CodeGrid> grid() const = 0;
  /// Codes of a tile, packed: codes [rows, channels].
  virtual void codes(const Tile& tile, int32_t* codes) const = 0;
};

}  // namespace quantdyn
