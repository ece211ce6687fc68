// Sums of products of 8-bit codes in int32, exact on every instruction set.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "framework/graph/activation.h"
#include "framework/graph/code_grid.h"

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

/// y = activation(scale sum + shift), by column, in double and rounded once; padded as PackedCodes.
struct SumMap {
  std::vector<double> scale, shift;
  Ends ends;
};

/// to[l * to_line + i * columns + j] = map(sum over (segment, step) of (x - z_x)(w - z_w)), on the
/// calling thread.
void multiply_codes(const CodeProductShape& shape, const CodeRows& left, const PackedCodes& right,
                    const SumMap& map, float* to, int64_t to_line);

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
  /// The byte of one value.
  uint8_t code_of(float value) const;

  const SumMap& exact;
  const CodeTransform& output;
  int32_t lowest;
  std::vector<float> scale, shift;  ///< by column, padded
  float furthest;                   ///< from a whole number
  float first = 0, last = 255;      ///< the bytes that the activation's ends allow
};

/// As multiply_codes() with the map of `codes`; `to` in bytes.
void multiply_codes(const CodeProductShape& shape, const CodeRows& left, const PackedCodes& right,
                    const CodeMap& codes, uint8_t* to, int64_t to_line);

/// Replaces whole numbers in `sums` [rows, channels] by map(sum).
void map_sums(const SumMap& map, float* sums, int64_t rows, int64_t channels);
void map_sums(const CodeMap& map, const float* sums, int64_t rows, int64_t channels, uint8_t* to);

/// Writes `count` values of the grid as codes less the lowest one. Returns false if one of them,
/// a NaN for example, is no value of the grid.
bool take_codes(const CodeGrid& grid, const float* values, int64_t count, uint8_t* to);
/// Whether all are values of the grid.
bool are_on_grid(const CodeGrid& grid, const float* values, int64_t count);
/// to = byte - zero.
void take_whole_numbers(int32_t zero, const uint8_t* codes, int64_t count, float* to);
/// to = code - zero_point, of values that are on the grid.
void take_whole_numbers(const CodeGrid& grid, const float* values, int64_t count, float* to);

}  // namespace quantdyn
