#include "quant/kernels/draws.h"

#include <algorithm>
#include <span>

namespace quantdyn {

TileWords::TileWords(const Draws& draws, const Tile& tile)
    : chunk_(draws.stream.fork(static_cast<uint64_t>(tile.chunk))),
      first_row_(static_cast<uint64_t>(tile.first_row)),
      first_channel_(static_cast<uint64_t>(tile.first_channel)),
      row_words_(static_cast<uint64_t>(draws.channels)),
      ahead_end_(tile.channels == draws.channels
                     ? (first_row_ + static_cast<uint64_t>(tile.rows)) * row_words_
                     : 0) {}

const uint32_t* TileWords::at(int64_t row, int64_t channel, int64_t count) {
  const uint64_t first = (first_row_ + static_cast<uint64_t>(row)) * row_words_ + first_channel_ +
                         static_cast<uint64_t>(channel);
  const auto needed = static_cast<uint64_t>(count);
  if (first < first_ || first + needed > first_ + count_) {
    const uint64_t ahead = ahead_end_ > first ? ahead_end_ - first : 0;
    first_ = first;
    count_ = std::max(needed, std::min<uint64_t>(ahead, capacity));
    chunk_.fill_words(first_, std::span(words_).first(count_));
  }
  return words_.data() + (first - first_);
}

}  // namespace quantdyn
