// Sums of products in registers: the core of every fast convolution.
#pragma once

#include <cstdint>

#include "framework/base/gemm.h"
#include "framework/graph/channel_map.h"
#include "layers/fused/fetch_ahead.h"

namespace quantdyn {

/// The left factor of a product, read in place: row i of line l has at (segment s, step k)
///   data[l * line + i * row + s * segment + k * step].
/// A convolution reads its window so: rows are the output pixels of one line, segments are the
/// kernel's rows, steps are the values of a kernel row, which are adjacent in a [h,w,c] image.
struct LeftFactor {
  const float* data;
  int64_t line, row, segment, step;
};

/// The right factor, [segments * length, columns] in the order of the sum: row-major with
/// `row` floats between rows, or packed by pack_columns() (row 0).
struct RightFactor {
  const float* data;
  int64_t row;
};

/// Where the products go: row i of line l, column j at data[l * line + i * row + j]. They are
/// mapped first if `map` is not null; columns are the map's channels.
struct ProductRows {
  float* data;
  int64_t line, row;
  const ChannelMap* map = nullptr;
};

struct ProductShape {
  int64_t lines, rows, columns;
  int64_t segments, length;
};

/// to (+)= left right, on the calling thread. Every element is one chain of multiply-adds in the
/// order of (segment, step), for any shape and other rows, so rows can be cut anywhere and the bits
/// stay the same: fused ones on every instruction set that has them, which SSE does not. With
/// Accumulate::yes the chain's result is added (no map then). Every step of a tile fetches a line
/// of each stream of `ahead`.
void multiply(const ProductShape& shape, const LeftFactor& left, const RightFactor& right,
              const ProductRows& to, Accumulate accumulate, FetchAhead* ahead = nullptr);

/// Packs a matrix [rows, columns] (any strides) for multiply(): `to` has rows * columns floats. On
/// all workers.
void pack_columns(Matrix<const float> from, int64_t rows, int64_t columns, float* to);

/// Packs rows [first, first + count) of a matrix [rows, columns] to where pack_columns() puts them.
/// On the calling thread.
void pack_rows(Matrix<const float> from, int64_t first, int64_t count, int64_t rows,
               int64_t columns, float* to);

}  // namespace quantdyn
