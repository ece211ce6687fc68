// Tiles of sums of products of codes: what the kernels for an instruction set offer.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <utility>

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

/// The code for each number of rows and blocks, and the largest that it is good at.
struct TileKernels {
  std::array<TileSums, most_rows * 3> sums;  // by rows - 1, then log2 blocks
  int64_t rows, blocks;

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

/// By AVX-512 VNNI, four products an instruction; null if the processor lacks it.
const TileKernels* vnni_tiles();

}  // namespace quantdyn
