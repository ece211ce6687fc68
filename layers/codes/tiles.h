// Tiles of sums of products of codes: what the kernels for an instruction set offer.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <utility>

#include "layers/codes/maps.h"

namespace quantdyn {

inline constexpr int64_t block_columns = 16;
inline constexpr int most_rows = 6, most_blocks = 4;  // of a tile: its sums fill 24 wide registers

/// A few rows times a few blocks of columns.
struct CodeTile {
  const uint8_t* x;
  int64_t row, segment;
  const int8_t* weight;
  int64_t block;  // bytes from a block of the weight to the next
  int64_t segments, quads;
};
/// Writes the tile's sums [rows][blocks * 16].
using TileSums = void (*)(const CodeTile& tile, int32_t* sums);

/// What turns a tile's sums into codes; columns count from the tile's first one.
struct TileMap {
  const CodeMap& map;
  int64_t first;              // the map's column of column 0
  int64_t columns;            // that exist
  const int32_t* constant;    // added to each sum
  const int32_t* of_row_sum;  // times the row's sum; null: none
  const int32_t* row_sums;
};
/// Writes the codes of a tile's sums, rows `to_row` bytes apart.
using TileCodes = void (*)(const int32_t* sums, int64_t rows, int64_t blocks, const TileMap& map,
                           uint8_t* to, int64_t to_row);

/// Rows of bytes, each in segments of `length`.
struct ByteRows {
  const uint8_t* data;
  int64_t row, segment;
  int64_t segments, length;
};
/// Writes the sum of each row's bytes.
using RowSums = void (*)(const ByteRows& rows, int64_t count, int32_t* to);

/// The code for each number of rows and blocks, and the largest that it is good at.
struct TileKernels {
  std::array<TileSums, most_rows * 3> sums;  // by rows - 1, then log2 blocks
  int64_t rows, blocks;
  TileCodes codes = nullptr;   // null: none faster than the portable code
  RowSums row_sums = nullptr;  // likewise

  TileSums of(int64_t rows_, int64_t blocks_) const { return sums[(rows_ - 1) * 3 + blocks_ / 2]; }
};

template <class Kind, size_t... i>
constexpr TileKernels make_tiles(int64_t rows, int64_t blocks, std::index_sequence<i...>) {
  return {{&Kind::template sums<static_cast<int>(i / 3) + 1, 1 << (i % 3)>...}, rows, blocks};
}
template <class Kind>
constexpr TileKernels make_tiles(int64_t rows, int64_t blocks) {
  return make_tiles<Kind>(rows, blocks, std::make_index_sequence<most_rows * 3>());
}

inline int32_t quad_at(const uint8_t* at) {
  int32_t out;
  std::memcpy(&out, at, sizeof out);
  return out;
}

/// What codes of a weight are stored less of, as signed bytes: their zero point if all fit, so that
/// the sum of a row is not needed.
int32_t byte_origin(const CodeGrid& grid);

/// By AVX-512 VNNI, four products an instruction; null if the processor lacks it.
const TileKernels* vnni_tiles();
/// Those of the instruction set in use; null: none faster than the portable ones.
const TileKernels* fast_tiles();

}  // namespace quantdyn
