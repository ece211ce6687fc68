#include "quant/kernels/kernels_levels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quant/kernels/kernels_levels.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

// Few levels are compared one after the other, four vectors at a time; more are gathered.
HWY_BEFORE_NAMESPACE();
namespace quantdyn::HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

/// A row of a table for the lanes of a vector that starts at a channel.
template <class D>
HWY_INLINE hn::Vec<D> row_of(D d, const LevelTable& table, const float* rows, int64_t row,
                             int64_t channel) {
  return table.columns() == 1 ? hn::Set(d, rows[row])
                              : hn::LoadU(d, rows + row * table.columns() + channel);
}

/// The vectors at values, values + gap, ..., `count` of them, all of the same channels' columns.
template <int count, class D>
HWY_INLINE void compare(D d, const LevelTable& table, int64_t channel, float* HWY_RESTRICT values,
                        int64_t gap) {
  hn::Vec<D> x[count], y[count];
  const auto first = row_of(d, table, table.levels(), 0, channel);
  for (int k = 0; k < count; ++k) {
    x[k] = hn::LoadU(d, values + k * gap);
    y[k] = first;
  }
  for (int64_t i = 1; i < table.most_levels(); ++i) {
    const auto threshold = row_of(d, table, table.thresholds(), i - 1, channel);
    const auto level = row_of(d, table, table.levels(), i, channel);
    for (int k = 0; k < count; ++k) y[k] = hn::IfThenElse(hn::Ge(x[k], threshold), level, y[k]);
  }
  for (int k = 0; k < count; ++k)
    hn::StoreU(hn::IfThenElse(hn::IsNaN(x[k]), x[k], y[k]), d, values + k * gap);
}

template <class D>
HWY_INLINE void search(D d, const LevelTable& table, int64_t channel, float* values) {
  const hn::RebindToSigned<D> d_place;
  const LevelTable::Buckets& buckets = table.buckets();
  const auto columns = static_cast<int32_t>(table.columns());
  const auto stride = hn::Set(d_place, columns);
  const auto column =
      columns == 1 ? hn::Zero(d_place) : hn::Iota(d_place, static_cast<int32_t>(channel));
  const auto raw = hn::LoadU(d, values);
  const auto low = hn::Set(d, buckets.low);
  const auto x = hn::IfThenElse(hn::IsNaN(raw), low, raw);
  const auto inside = hn::Min(hn::Max(x, low), hn::Set(d, buckets.high));
  const auto steps = hn::Mul(hn::Sub(inside, low), hn::Set(d, buckets.per_unit));
  const auto last = hn::Set(d, static_cast<float>(buckets.below.size() - 1));
  auto place =
      hn::GatherIndex(d_place, buckets.below.data(), hn::ConvertTo(d_place, hn::Min(steps, last)));
  for (int32_t half = (1 << buckets.halvings) / 2; half > 0; half /= 2) {
    const auto candidate = hn::Add(place, hn::Set(d_place, half));
    const auto before = hn::Sub(candidate, hn::Set(d_place, 1));
    const auto threshold = hn::GatherIndex(
        d, table.thresholds(), hn::Add(columns == 1 ? before : hn::Mul(before, stride), column));
    const auto is_reached = hn::RebindMask(d_place, hn::Ge(x, threshold));
    place = hn::IfThenElse(is_reached, candidate, place);
  }
  const auto level = hn::GatherIndex(
      d, table.levels(), hn::Add(columns == 1 ? place : hn::Mul(place, stride), column));
  hn::StoreU(hn::IfThenElse(hn::IsNaN(raw), raw, level), d, values);
}

/// `n` values of neighbouring channels in `rows` rows that are `gap` apart, from `channel` on.
template <class D>
HWY_INLINE int64_t apply_lanes(D d, const LevelTable& table, int64_t channel, float* values,
                               int64_t rows, int64_t gap, int64_t from, int64_t n) {
  const auto step = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = from;
  if (table.most_levels() > LevelTable::most_compared) {
    for (; i + step <= n; i += step)
      for (int64_t r = 0; r < rows; ++r) search(d, table, channel + i, values + r * gap + i);
    return i;
  }
  for (; rows == 1 && table.columns() == 1 && i + 4 * step <= n; i += 4 * step)
    compare<4>(d, table, channel, values + i, step);
  for (; i + step <= n; i += step) {
    int64_t r = 0;
    for (; r + 4 <= rows; r += 4) compare<4>(d, table, channel + i, values + r * gap + i, gap);
    for (; r < rows; ++r) compare<1>(d, table, channel + i, values + r * gap + i, gap);
  }
  return i;
}

void apply_levels(const LevelTable& table, const MutableTile& tile) {
  const bool is_one_row = table.columns() == 1 && tile.row_stride == tile.channels;
  const int64_t rows = is_one_row ? 1 : tile.rows;
  const int64_t n = is_one_row ? tile.rows * tile.channels : tile.channels;
  const auto apply = [&](auto d, int64_t from) HWY_ATTR {
    return apply_lanes(d, table, tile.first_channel, tile.values, rows, tile.row_stride, from, n);
  };
  apply(hn::CappedTag<float, 1>(), apply(hn::ScalableTag<float>(), 0));
}

}  // namespace
}  // namespace quantdyn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

#include <algorithm>
#include <cmath>

namespace quantdyn {

HWY_EXPORT(apply_levels);

void levels_apply(const LevelTable& table, const MutableTile& tile) {
  HWY_DYNAMIC_DISPATCH(apply_levels)(table, tile);
}

namespace {

/// Calls work(r, c, column, place) for every value that is not NaN.
template <typename Work>
void for_places(const LevelTable& table, const Tile& tile, const Work& work) {
  for (int64_t r = 0; r < tile.rows; ++r)
    for (int64_t c = 0; c < tile.channels; ++c) {
      const float x = tile.values[r * tile.row_stride + c];
      const int64_t column = table.columns() == 1 ? 0 : tile.first_channel + c;
      if (!std::isnan(x)) work(r, c, column, table.place(column, x));
    }
}

}  // namespace

void levels_apply_reference(const LevelTable& table, const MutableTile& tile) {
  for_places(table, tile, [&](int64_t r, int64_t c, int64_t column, int32_t place) {
    tile.values[r * tile.row_stride + c] = table.level(column, place);
  });
}

void level_places(const LevelTable& table, const Tile& tile, int32_t for_nan, int32_t* places) {
  std::fill_n(places, tile.rows * tile.channels, for_nan);
  for_places(table, tile, [&](int64_t r, int64_t c, int64_t, int32_t place) {
    places[r * tile.channels + c] = place;
  });
}

}  // namespace quantdyn
#endif
