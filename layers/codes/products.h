// Sums of products of 8-bit codes in int32, exact on every instruction set.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "framework/graph/code_grid.h"
#include "layers/codes/maps.h"

namespace quantdyn {

/// Codes of one byte each, read in place: row i of line l has at (segment s, step k)
///   data[l * line + i * row + s * segment + k].
/// Three bytes after the last one are read, too, but count for nothing.
struct CodeRows {
  const uint8_t* data;
  int64_t line, row, segment;
};

struct CodeProductShape {
  int64_t lines, rows;
  int64_t segments, length;
};

/// A weight's codes in the order in which multiply_codes() reads them, and what its sums need.
class PackedCodes {
 public:
  /// `weight` is [segments, length, columns]; `input_zero` is the zero point of the left factor's
  /// bytes.
  PackedCodes(int64_t segments, int64_t length, std::span<const int32_t> weight,
              std::span<const CodeGrid> grids, int32_t input_zero);

  int64_t columns;
  int64_t padded_columns;           ///< to whole blocks of 16
  int64_t quads;                    ///< steps of four codes in a segment
  std::vector<int8_t> bytes;        ///< [block of 16 columns][segment][quad][column][4]
  std::vector<int32_t> of_row_sum;  ///< by column: times the sum of the row's bytes; empty: zero
  std::vector<int32_t> constant;    ///< by column: added to each sum
};

/// to[l * to_line + i * columns + j] = map(sum over (segment, step) of (x - z_x)(w - z_w)), on the
/// calling thread.
void multiply_codes(const CodeProductShape& shape, const CodeRows& left, const PackedCodes& right,
                    const SumMap& map, float* to, int64_t to_line);

/// As multiply_codes() with the map of `codes`; `to` in bytes.
void multiply_codes(const CodeProductShape& shape, const CodeRows& left, const PackedCodes& right,
                    const CodeMap& codes, uint8_t* to, int64_t to_line);

}  // namespace quantdyn
