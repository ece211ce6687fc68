// Levels at any places and the thresholds between them: a value's level is looked up.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace quantdyn {

/// Levels in ascending order, and the smallest value that becomes each of them but the first.
struct LevelSet {
  std::vector<float> levels, thresholds;  ///< one threshold less than levels

  /// Thresholds halfway between neighbours; the middle itself goes up.
  static LevelSet nearest(std::vector<float> levels);
};

/// The level sets of a tensor: one, or one for each channel (a column).
///
/// Row i of both arrays holds the columns' thresholds between levels i and i + 1, and their levels
/// i; where a column has fewer, thresholds are NaN, so never reached. With many levels and one
/// column, buckets of equal width give the start of a search.
class LevelTable {
 public:
  /// At most 16 levels are compared one after the other, more are searched for.
  static constexpr int64_t most_compared = 16;

  explicit LevelTable(std::span<const LevelSet> columns);

  int64_t columns() const { return columns_; }
  int64_t most_levels() const { return most_levels_; }
  const float* thresholds() const { return thresholds_.data(); }
  const float* levels() const { return levels_.data(); }
  /// How many thresholds a value that is not NaN has reached: the place of its level.
  int32_t place(int64_t column, float x) const;
  float level(int64_t column, int32_t place) const { return levels_[place * columns_ + column]; }

  /// The thresholds in lower buckets than that of x; a value's place is at most 2^halvings - 1
  /// higher. One bucket where there are several columns.
  struct Buckets {
    float low = 0, high = 0, per_unit = 0;  // of the thresholds
    std::vector<int32_t> below = {0};
    int halvings = 0;

    /// From low on, so that values beyond the thresholds are in the first and last bucket.
    float place(float x) const;
  };
  const Buckets& buckets() const { return buckets_; }

 private:
  void fill_buckets(std::span<const float> thresholds);

  int64_t columns_, most_levels_;
  std::vector<float> thresholds_, levels_;
  Buckets buckets_;
};

}  // namespace quantdyn
