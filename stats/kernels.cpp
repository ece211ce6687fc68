#include "stats/kernels.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "stats/kernels.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

// Compiled once for every instruction set. Channels are the lanes, and no load touches a value
// outside the tile.
HWY_BEFORE_NAMESPACE();
namespace quantdyn::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

constexpr size_t float_lanes = hn::MaxLanes(hn::ScalableTag<float>());
constexpr size_t double_lanes = hn::MaxLanes(hn::ScalableTag<double>());

// Where a value is NaN, x86 takes the second one, as is wanted here and half as long as a
// comparison; other processors' Min and Max may take the NaN.
template <class V>
HWY_INLINE V smaller(V x, V so_far) {
  if constexpr (HWY_ARCH_X86 != 0) return hn::Min(x, so_far);
  return hn::IfThenElse(hn::Lt(x, so_far), x, so_far);
}
template <class V>
HWY_INLINE V larger(V x, V so_far) {
  if constexpr (HWY_ARCH_X86 != 0) return hn::Max(x, so_far);
  return hn::IfThenElse(hn::Gt(x, so_far), x, so_far);
}

/// Of `lanes` channels, entry 0 being that of values[0]; all arrays have that many.
template <size_t lanes>
HWY_INLINE void moments_of_lanes(const float* values, int64_t rows, int64_t row_stride,
                                 const MomentSums& into) {
  const hn::CappedTag<double, lanes> wide;
  const hn::Rebind<float, decltype(wide)> narrow;
  // x 1 + sum has the bits of x + sum, and leaves the adders to the others.
  const auto one = hn::Set(wide, 1.0);
  const auto shift = hn::LoadU(wide, into.shift);
  auto sum = hn::LoadU(wide, into.sum), square = hn::LoadU(wide, into.square);
  auto cube = hn::LoadU(wide, into.cube), fourth = hn::LoadU(wide, into.fourth);
  auto absolute = hn::LoadU(wide, into.absolute);
  auto minimum = hn::LoadU(narrow, into.minimum), maximum = hn::LoadU(narrow, into.maximum);
  for (int64_t row = 0; row < rows; ++row, values += row_stride) {
    const auto value = hn::LoadU(narrow, values);
    const auto x = hn::PromoteTo(wide, value);
    const auto shifted = hn::Sub(x, shift);
    const auto power = hn::Mul(shifted, shifted);
    sum = hn::MulAdd(shifted, one, sum);
    square = hn::MulAdd(power, one, square);
    cube = hn::Add(cube, hn::Mul(power, shifted));
    fourth = hn::Add(fourth, hn::Mul(power, power));
    absolute = hn::MulAdd(hn::Abs(x), one, absolute);
    minimum = smaller(value, minimum);
    maximum = larger(value, maximum);
  }
  hn::StoreU(sum, wide, into.sum);
  hn::StoreU(square, wide, into.square);
  hn::StoreU(cube, wide, into.cube);
  hn::StoreU(fourth, wide, into.fourth);
  hn::StoreU(absolute, wide, into.absolute);
  hn::StoreU(minimum, narrow, into.minimum);
  hn::StoreU(maximum, narrow, into.maximum);
}

/// The tile's last channels, fewer than `lanes`: what follows them in a vector belongs to the next
/// row and is dropped. Where no row follows, values go one by one.
template <size_t lanes>
HWY_INLINE void moments_of_last(const Tile& tile, const MomentSums& all, int64_t c) {
  const int64_t end = tile.rows * tile.channels - c, count = tile.channels - c;
  const bool is_dense = tile.row_stride == tile.channels;
  const int64_t step = static_cast<int64_t>(lanes);
  const int64_t rows = is_dense && end >= step ? (end - step) / tile.channels + 1 : 0;
  HWY_ALIGN double shift[lanes] = {}, sums[5][lanes] = {};
  HWY_ALIGN float ends[2][lanes] = {};
  const MomentSums part{shift, sums[0], sums[1], sums[2], sums[3], sums[4], ends[0], ends[1]};
  const MomentSums into = all.from(c);
  const auto copy = [count](const MomentSums& from, const MomentSums& to) {
    std::copy_n(from.sum, count, to.sum);
    std::copy_n(from.square, count, to.square);
    std::copy_n(from.cube, count, to.cube);
    std::copy_n(from.fourth, count, to.fourth);
    std::copy_n(from.absolute, count, to.absolute);
    std::copy_n(from.minimum, count, to.minimum);
    std::copy_n(from.maximum, count, to.maximum);
  };
  std::copy_n(into.shift, count, shift);
  copy(into, part);
  moments_of_lanes<lanes>(tile.values + c, rows, tile.row_stride, part);
  Tile rest = tile;
  rest.values += rows * tile.row_stride + c;
  rest.rows -= rows;
  rest.channels = count;
  reference::add_moments(rest, part);
  copy(part, into);
}

template <size_t lanes>
HWY_INLINE void moments_from(int64_t c, const Tile& tile, const MomentSums& into) {
  constexpr auto step = static_cast<int64_t>(lanes);
  for (; c + step <= tile.channels; c += step)
    moments_of_lanes<lanes>(tile.values + c, tile.rows, tile.row_stride, into.from(c));
  if (c == tile.channels) return;
  if constexpr (lanes > 2)
    if (tile.channels - c <= step / 2) return moments_from<lanes / 2>(c, tile, into);
  moments_of_last<lanes>(tile, into, c);
}
template <size_t lanes>
HWY_INLINE void moments_of_tile(const Tile& tile, const MomentSums& into) {
  if constexpr (lanes == 1)  // a processor without vectors
    reference::add_moments(tile, into);
  else
    moments_from<lanes>(0, tile, into);
}
void add_moments(const Tile& tile, const MomentSums& into) {
  moments_of_tile<double_lanes>(tile, into);
}

void widen_range(const float* values, int64_t count, float& minimum, float& maximum) {
  const hn::CappedTag<float, float_lanes> d;
  constexpr auto step = static_cast<int64_t>(float_lanes);
  auto low = hn::Set(d, minimum);
  auto high = hn::Set(d, maximum);
  int64_t i = 0;
  for (; i + step <= count; i += step) {
    const auto x = hn::LoadU(d, values + i);
    low = smaller(x, low);
    high = larger(x, high);
  }
  HWY_ALIGN float lows[float_lanes];
  HWY_ALIGN float highs[float_lanes];
  hn::Store(low, d, lows);
  hn::Store(high, d, highs);
  minimum = *std::min_element(lows, lows + step);
  maximum = *std::max_element(highs, highs + step);
  reference::widen_range(values + i, count - i, minimum, maximum);
}

}  // namespace quantdyn::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace quantdyn::kernels {

HWY_EXPORT(add_moments);
HWY_EXPORT(widen_range);

void add_moments(const Tile& tile, const MomentSums& into) {
  HWY_DYNAMIC_DISPATCH(add_moments)(tile, into);
}
void widen_range(const float* values, int64_t count, float& minimum, float& maximum) {
  HWY_DYNAMIC_DISPATCH(widen_range)(values, count, minimum, maximum);
}

}  // namespace quantdyn::kernels
#endif
