#include "quant/kernels/level_table.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <utility>

namespace quantdyn {
namespace {

constexpr int64_t bucket_count = 1024;
constexpr float infinity = std::numeric_limits<float>::infinity();

float smallest_float_from(double value) {
  const auto nearest = static_cast<float>(value);
  return nearest < value ? std::nextafter(nearest, infinity) : nearest;
}

}  // namespace

LevelSet LevelSet::nearest(std::vector<float> levels) {
  LevelSet out{std::move(levels), {}};
  for (size_t i = 1; i < out.levels.size(); ++i)
    out.thresholds.push_back(
        smallest_float_from((double{out.levels[i - 1]} + double{out.levels[i]}) / 2));
  return out;
}

float LevelTable::Buckets::place(float x) const {
  const float steps = (std::min(std::max(x, low), high) - low) * per_unit;
  return std::min(steps, static_cast<float>(below.size() - 1));
}

LevelTable::LevelTable(std::span<const LevelSet> columns)
    : columns_(static_cast<int64_t>(columns.size())), most_levels_(1) {
  for (const LevelSet& set : columns)
    most_levels_ = std::max(most_levels_, static_cast<int64_t>(set.levels.size()));
  // A search may look at up to 2^halvings - 1 thresholds after the last.
  const auto most = static_cast<size_t>(most_levels_);
  const size_t rows = most > most_compared ? 2 * std::bit_ceil(most) : most;
  thresholds_.assign(rows * columns.size(), std::numeric_limits<float>::quiet_NaN());
  levels_.assign(most * columns.size(), 0);
  for (size_t c = 0; c < columns.size(); ++c) {
    const LevelSet& set = columns[c];
    for (size_t i = 0; i < set.thresholds.size(); ++i)
      thresholds_[i * columns.size() + c] = set.thresholds[i];
    for (size_t i = 0; i < set.levels.size(); ++i) levels_[i * columns.size() + c] = set.levels[i];
  }
  buckets_.halvings = static_cast<int>(std::bit_width(most - 1));
  if (most_levels_ > most_compared && columns_ == 1) fill_buckets(columns[0].thresholds);
}

void LevelTable::fill_buckets(std::span<const float> thresholds) {
  buckets_.low = thresholds.front();
  buckets_.high = thresholds.back();
  const float per_unit = static_cast<float>(bucket_count - 1) / (buckets_.high - buckets_.low);
  buckets_.per_unit = std::isfinite(per_unit) ? per_unit : 0;
  buckets_.below.assign(bucket_count, 0);
  std::vector<int32_t> within(bucket_count, 0);
  for (const float threshold : thresholds) ++within[static_cast<size_t>(buckets_.place(threshold))];
  for (size_t b = 1; b < within.size(); ++b)
    buckets_.below[b] = buckets_.below[b - 1] + within[b - 1];
  const auto most = static_cast<uint32_t>(*std::ranges::max_element(within));
  buckets_.halvings = static_cast<int>(std::bit_width(most));
}

int32_t LevelTable::place(int64_t column, float x) const {
  int64_t low = 0, high = most_levels_ - 1;  // thresholds reached: at least, at most
  while (low < high) {
    const int64_t middle = (low + high) / 2;
    if (x >= thresholds_[middle * columns_ + column])
      low = middle + 1;
    else
      high = middle;
  }
  return static_cast<int32_t>(low);
}

}  // namespace quantdyn
