// From exact sums of products to values, and to the codes of the next layer.
#pragma once

#include <cstdint>
#include <vector>

#include "framework/graph/activation.h"
#include "framework/graph/code_grid.h"

namespace quantdyn {

/// y = activation(scale sum + shift), by column, in double and rounded once; padded as PackedCodes.
struct SumMap {
  std::vector<double> scale, shift;
  Ends ends;
};

/// The codes, less the lowest one, of a transform of what a SumMap gives: bytes.
///
/// round(scale sum + shift) in float32, wherever that is further from a tie than its error;
/// otherwise SumMap and CodeTransform::codes() decide. So the codes are theirs.
class CodeMap {
 public:
  /// Both must outlive this. `grid` is the output's.
  CodeMap(const SumMap& exact, const CodeTransform& output, const CodeGrid& grid);

  /// False if ties cannot be told apart, or a shift is not finite: then it must not be used.
  bool is_usable;
  /// Whether every sum of int32 becomes an int32.
  bool is_small;
  /// The byte of one value.
  uint8_t code_of(float value) const;
  /// The byte of one sum, without the shortcut.
  uint8_t code_of_sum(double sum, int64_t column) const;

  const SumMap& exact;
  const CodeTransform& output;
  const CodeGrid grid;
  std::vector<float> scale, shift;  ///< by column, repeated up to a multiple of 64
  float furthest;                   ///< from a whole number
  float first = 0, last = 255;      ///< the bytes that the activation's ends allow
};

/// Replaces whole numbers in `sums` [rows, channels] by map(sum).
void map_sums(const SumMap& map, float* sums, int64_t rows, int64_t channels);
void map_sums(const CodeMap& map, const float* sums, int64_t rows, int64_t channels, uint8_t* to);

}  // namespace quantdyn
