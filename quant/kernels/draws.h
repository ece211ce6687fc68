// The random words of a tensor's values, one for each place: what stochastic rounding draws.
#pragma once

#include <array>
#include <cstdint>

#include "framework/base/rng.h"
#include "framework/graph/tap.h"

namespace quantdyn {

/// Word row * channels + channel of a chunk's own stream belongs to the value there: draws depend
/// on neither tiles nor threads nor batches.
struct Draws {
  Rng stream;        ///< of the tensor
  int64_t channels;  ///< of the tensor, not of a tile
};

/// Draws the words of one tile, many at a time.
class TileWords {
 public:
  static constexpr int64_t capacity = 2048;

  TileWords(const Draws& draws, const Tile& tile);
  /// The words of `count` (at most `capacity`) values from (row, channel) of the tile on, valid
  /// until the next call; they may continue in the next row if the tile has all channels.
  const uint32_t* at(int64_t row, int64_t channel, int64_t count);

 private:
  Rng chunk_;
  uint64_t first_row_, first_channel_, row_words_;
  uint64_t ahead_end_;  // words may be drawn ahead up to here
  uint64_t first_ = 0, count_ = 0;
  std::array<uint32_t, capacity> words_;
};

}  // namespace quantdyn
