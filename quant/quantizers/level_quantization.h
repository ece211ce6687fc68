// The quantization of schemes whose levels may lie anywhere: k-means, ternary.
#pragma once

#include <vector>

#include "quant/kernels/level_table.h"
#include "quant/quantizers/quantizer.h"

namespace quantdyn {

/// Each value becomes the level that its entry's thresholds select; codes count levels upwards from
/// `lowest_code`. Infinities become the first and the last level, -0 is 0.
class LevelQuantization final : public Quantization {
 public:
  LevelQuantization(const Granularity& granularity, int64_t channels, int bit_width,
                    int32_t lowest_code, std::vector<LevelSet> by_entry);

  void apply(const MutableTile& tile) const override;
  void codes(const Tile& tile, int32_t* codes) const override;
  std::vector<float> levels(int64_t entry) const override;
  int bit_width() const override { return bit_width_; }
  int32_t first_code() const override { return lowest_code_ < 0 ? -(1 << (bit_width_ - 1)) : 0; }
  bool at_smallest_scale(int64_t) const override { return false; }

 private:
  static LevelTable table_of(const Granularity& granularity, int64_t channels,
                             const std::vector<LevelSet>& by_entry);

  int bit_width_;
  int32_t lowest_code_;
  std::vector<LevelSet> by_entry_;
  LevelTable table_;
};

}  // namespace quantdyn
