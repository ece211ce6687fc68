// A transform that reads values in one place and writes them in another, in one pass.
#pragma once

#include "framework/graph/tap.h"

namespace quantdyn {

/// Ability of a transform.
class CopyingTransform {
 public:
  /// to [rows, channels] = what apply() would make of the tile; `to` holds none of its values.
  virtual void apply_to(const Tile& from, float* to) const = 0;

 protected:
  ~CopyingTransform() = default;
};

}  // namespace quantdyn
