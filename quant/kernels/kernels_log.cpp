#include "quant/kernels/kernels_log.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quant/kernels/kernels_log.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace quantdyn::HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

/// The columns of a vector's lanes.
template <class V>
struct Lanes {
  V level[2], threshold[2], lowest;
};

template <int families, class D>
HWY_INLINE Lanes<hn::Vec<D>> lanes_at(D d, const LogGrid& grid, int64_t channel) {
  const auto of = [&](const std::vector<int32_t>& entries) HWY_ATTR {
    return grid.is_per_channel() ? hn::LoadU(d, entries.data() + channel) : hn::Set(d, entries[0]);
  };
  Lanes<hn::Vec<D>> out{
      {of(grid.level[0]), hn::Zero(d)}, {of(grid.threshold[0]), hn::Zero(d)}, of(grid.lowest)};
  if constexpr (families == 2) {
    out.level[1] = of(grid.level[1]);
    out.threshold[1] = of(grid.threshold[1]);
  }
  return out;
}

/// How many of `top`, top / 2, top / 4 ... are over a size, by their bits.
template <class V>
HWY_INLINE V octaves_below(V size, V top) {
  return hn::Neg(hn::Min(hn::ShiftRight<23>(hn::Sub(size, top)), hn::Zero(hn::DFromV<V>())));
}

template <int families, class D, class V>
HWY_INLINE hn::Vec<D> rounded(D d, hn::Vec<D> x, const LogGrid& grid, const Lanes<V>& lanes) {
  const hn::RebindToSigned<D> d_bits;
  const auto size = hn::BitCast(d_bits, hn::Abs(x));
  V steps = octaves_below(size, lanes.threshold[0]);  // down from the topmost level
  if constexpr (families == 2) steps = hn::Add(steps, octaves_below(size, lanes.threshold[1]));
  const V code = hn::Sub(hn::Set(d_bits, grid.levels), steps);
  const V most_steps = hn::Sub(hn::Set(d_bits, grid.levels), lanes.lowest);
  const V kept = hn::Min(steps, most_steps);
  V bits = lanes.level[0];
  if constexpr (families == 2) {
    const auto is_odd = hn::Eq(hn::And(kept, hn::Set(d_bits, 1)), hn::Set(d_bits, 1));
    bits = hn::IfThenElse(is_odd, lanes.level[1], bits);
  }
  bits = hn::Sub(bits, hn::ShiftLeft<23>(families == 2 ? hn::ShiftRight<1>(kept) : kept));
  const auto is_zero =
      grid.rounds_to_zero ? hn::Lt(code, lanes.lowest) : hn::Eq(size, hn::Zero(d_bits));
  auto y = hn::CopySign(hn::BitCast(d, bits), x);
  y = hn::IfThenZeroElse(hn::RebindMask(d, is_zero), y);
  if (!grid.is_signed) y = hn::IfThenZeroElse(hn::Lt(x, hn::Zero(d)), y);
  return hn::IfThenElse(hn::IsNaN(x), x, y);
}

template <int families, class D>
HWY_INLINE int64_t apply_lanes(D d, const LogGrid& grid, const MutableTile& tile, int64_t rows,
                               int64_t from, int64_t n) {
  const auto step = static_cast<int64_t>(hn::Lanes(d));
  const hn::RebindToSigned<D> d_bits;
  int64_t i = from;
  if (!grid.is_per_channel()) {
    const auto lanes = lanes_at<families>(d_bits, grid, 0);
    for (; i + step <= n; i += step)
      for (int64_t r = 0; r < rows; ++r) {
        float* values = tile.values + r * tile.row_stride + i;
        hn::StoreU(rounded<families>(d, hn::LoadU(d, values), grid, lanes), d, values);
      }
    return i;
  }
  for (; i + step <= n; i += step) {
    const auto lanes = lanes_at<families>(d_bits, grid, tile.first_channel + i);
    for (int64_t r = 0; r < rows; ++r) {
      float* values = tile.values + r * tile.row_stride + i;
      hn::StoreU(rounded<families>(d, hn::LoadU(d, values), grid, lanes), d, values);
    }
  }
  return i;
}

template <int families>
void apply_families(const LogGrid& grid, const MutableTile& tile) {
  const bool is_one_row = !grid.is_per_channel() && tile.row_stride == tile.channels;
  const int64_t rows = is_one_row ? 1 : tile.rows;
  const int64_t n = is_one_row ? tile.rows * tile.channels : tile.channels;
  const int64_t done = apply_lanes<families>(hn::ScalableTag<float>(), grid, tile, rows, 0, n);
  apply_lanes<families>(hn::CappedTag<float, 1>(), grid, tile, rows, done, n);
}

void apply_log(const LogGrid& grid, const MutableTile& tile) {
  if (grid.families == 1)
    apply_families<1>(grid, tile);
  else
    apply_families<2>(grid, tile);
}

}  // namespace
}  // namespace quantdyn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

#include <algorithm>
#include <bit>
#include <cmath>

namespace quantdyn {

HWY_EXPORT(apply_log);

void log_apply(const LogGrid& grid, const MutableTile& tile) {
  HWY_DYNAMIC_DISPATCH(apply_log)(grid, tile);
}

void LogGrid::push_back(const Column& column) {
  for (size_t family = 0; family < 2; ++family) {
    level[family].push_back(column.level[family]);
    threshold[family].push_back(column.threshold[family]);
  }
  lowest.push_back(column.lowest);
}

namespace {

/// The float of `top`'s bits, its octave this many steps lower.
float lowered(const std::array<std::vector<int32_t>, 2>& top, const LogGrid& grid, int64_t column,
              int32_t size) {
  const int32_t steps = grid.levels - size;
  return std::ldexp(std::bit_cast<float>(top[steps % grid.families][column]),
                    -steps / grid.families);
}

/// The signed code of a value that is not NaN.
int32_t log_code(const LogGrid& grid, int64_t column, float x) {
  const float size = std::abs(x);
  if (size == 0 || (x < 0 && !grid.is_signed)) return 0;
  int32_t code = grid.levels;
  while (code >= grid.lowest[column] && size < lowered(grid.threshold, grid, column, code)) --code;
  if (code < grid.lowest[column]) code = grid.rounds_to_zero ? 0 : grid.lowest[column];
  return x < 0 ? -code : code;
}

/// Calls work(r, c, column, code) for every value that is not NaN.
template <typename Work>
void for_log_codes(const LogGrid& grid, const Tile& tile, const Work& work) {
  for (int64_t r = 0; r < tile.rows; ++r)
    for (int64_t c = 0; c < tile.channels; ++c) {
      const float x = tile.values[r * tile.row_stride + c];
      const int64_t column = grid.is_per_channel() ? tile.first_channel + c : 0;
      if (!std::isnan(x)) work(r, c, column, log_code(grid, column, x));
    }
}

}  // namespace

float LogGrid::level_of(int64_t column, int32_t size) const {
  return lowered(level, *this, column, size);
}

void log_apply_reference(const LogGrid& grid, const MutableTile& tile) {
  for_log_codes(grid, tile, [&](int64_t r, int64_t c, int64_t column, int32_t code) {
    const float size = code == 0 ? 0 : grid.level_of(column, std::abs(code));
    tile.values[r * tile.row_stride + c] = code < 0 ? -size : size;
  });
}

void log_codes(const LogGrid& grid, const Tile& tile, int32_t for_nan, int32_t* codes) {
  std::fill_n(codes, tile.rows * tile.channels, for_nan);
  for_log_codes(grid, tile, [&](int64_t r, int64_t c, int64_t, int32_t code) {
    codes[r * tile.channels + c] = code;
  });
}

}  // namespace quantdyn
#endif
