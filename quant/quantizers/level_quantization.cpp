#include "quant/quantizers/level_quantization.h"

#include <limits>
#include <utility>

#include "quant/kernels/kernels_levels.h"

namespace quantdyn {

LevelTable LevelQuantization::table_of(const Granularity& granularity, int64_t channels,
                                       const std::vector<LevelSet>& by_entry) {
  if (by_entry.size() == 1) return LevelTable(by_entry);
  std::vector<LevelSet> columns;
  for (int64_t c = 0; c < channels; ++c) columns.push_back(by_entry[granularity.entry_of(c)]);
  return LevelTable(columns);
}

LevelQuantization::LevelQuantization(const Granularity& granularity, int64_t channels,
                                     int bit_width, int32_t lowest_code,
                                     std::vector<LevelSet> by_entry)
    : Quantization(granularity, channels),
      bit_width_(bit_width),
      lowest_code_(lowest_code),
      by_entry_(std::move(by_entry)),
      table_(table_of(granularity, channels, by_entry_)) {}

void LevelQuantization::apply(const MutableTile& tile) const { levels_apply(table_, tile); }

void LevelQuantization::codes(const Tile& tile, int32_t* codes) const {
  level_places(table_, tile, no_code, codes);
  for (int64_t i = 0; i < tile.rows * tile.channels; ++i)
    if (codes[i] != no_code) codes[i] += lowest_code_;
}

std::vector<float> LevelQuantization::levels(int64_t entry) const {
  std::vector<float> out(size_t{1} << bit_width_, std::numeric_limits<float>::quiet_NaN());
  for (size_t i = 0; i < by_entry_[entry].levels.size(); ++i)
    out[static_cast<size_t>(lowest_code_ - first_code()) + i] = by_entry_[entry].levels[i];
  return out;
}

}  // namespace quantdyn
