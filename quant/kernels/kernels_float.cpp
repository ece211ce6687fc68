#include "quant/kernels/kernels_float.h"

#include <bit>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quant/kernels/kernels_float.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace quantdyn::HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

enum class Scales { none, one, by_channel };

/// The format as the loop reads it.
struct Bounds {
  int dropped_bits;  // of float32's mantissa
  float smallest_normal, shifter, largest, overflow;

  /// Adding `shifter` leaves a subnormal's own steps as the last bit of the sum.
  explicit Bounds(const FloatFormat& format)
      : dropped_bits(23 - format.mantissa_bits),
        smallest_normal(format.smallest_normal()),
        shifter(std::bit_cast<float>((128 - format.bias + dropped_bits) << 23)),
        largest(format.largest()),
        overflow(format.overflow()) {}
};

/// FloatFormat::rounded without its NaN.
template <class D, typename V>
HWY_INLINE V rounded(D d, V x, const Bounds& bounds) {
  const hn::RebindToSigned<D> d_bits;
  const V size = hn::Abs(x);
  const auto bits = hn::BitCast(d_bits, size);
  const auto last = hn::And(hn::ShiftRightSame(bits, bounds.dropped_bits), hn::Set(d_bits, 1));
  const auto below_half = hn::Set(d_bits, (1 << (bounds.dropped_bits - 1)) - 1);
  const auto up = hn::Add(hn::Add(bits, below_half), last);
  const V normal = hn::BitCast(d, hn::And(up, hn::Set(d_bits, -(1 << bounds.dropped_bits))));
  const V shifter = hn::Set(d, bounds.shifter);
  const V subnormal = hn::Sub(hn::Add(size, shifter), shifter);
  V y = hn::IfThenElse(hn::Lt(size, hn::Set(d, bounds.smallest_normal)), subnormal, normal);
  y = hn::IfThenElse(hn::Gt(y, hn::Set(d, bounds.largest)), hn::Set(d, bounds.overflow), y);
  return hn::CopySign(y, x);
}

template <Scales scales, class D>
HWY_INLINE int64_t apply_lanes(D d, const Bounds& bounds, const float* scale,
                               float* HWY_RESTRICT values, int64_t from, int64_t n) {
  const auto step = static_cast<int64_t>(hn::Lanes(d));
  auto s = hn::Set(d, scales == Scales::one ? *scale : 1.0f);
  int64_t i = from;
  for (; i + step <= n; i += step) {
    const auto x = hn::LoadU(d, values + i);
    if constexpr (scales == Scales::by_channel) s = hn::LoadU(d, scale + i);
    auto y = rounded(d, scales == Scales::none ? x : hn::Div(x, s), bounds);
    if constexpr (scales != Scales::none) y = hn::Mul(y, s);
    hn::StoreU(hn::IfThenElse(hn::IsNaN(x), x, y), d, values + i);
  }
  return i;
}

template <Scales scales>
void apply_rows(const FloatGrid& grid, const MutableTile& tile) {
  const Bounds bounds(grid.format);
  const bool is_one_row = scales != Scales::by_channel && tile.row_stride == tile.channels;
  const int64_t rows = is_one_row ? 1 : tile.rows;
  const int64_t n = is_one_row ? tile.rows * tile.channels : tile.channels;
  const float* scale = grid.scale.data() + (scales == Scales::by_channel ? tile.first_channel : 0);
  for (int64_t r = 0; r < rows; ++r) {
    float* values = tile.values + r * tile.row_stride;
    const int64_t done = apply_lanes<scales>(hn::ScalableTag<float>(), bounds, scale, values, 0, n);
    apply_lanes<scales>(hn::CappedTag<float, 1>(), bounds, scale, values, done, n);
  }
}

void apply_float(const FloatGrid& grid, const MutableTile& tile) {
  if (grid.scale.empty())
    apply_rows<Scales::none>(grid, tile);
  else if (grid.is_per_channel())
    apply_rows<Scales::by_channel>(grid, tile);
  else
    apply_rows<Scales::one>(grid, tile);
}

}  // namespace
}  // namespace quantdyn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

#include <algorithm>
#include <cmath>

namespace quantdyn {

HWY_EXPORT(apply_float);

void float_apply(const FloatGrid& grid, const MutableTile& tile) {
  HWY_DYNAMIC_DISPATCH(apply_float)(grid, tile);
}

namespace {

/// Calls work(r, c, scale, rounded x / scale) for every value that is not NaN.
template <typename Work>
void for_rounded(const FloatGrid& grid, const Tile& tile, const Work& work) {
  for (int64_t r = 0; r < tile.rows; ++r)
    for (int64_t c = 0; c < tile.channels; ++c) {
      const float x = tile.values[r * tile.row_stride + c];
      if (std::isnan(x)) continue;
      const int64_t entry = grid.is_per_channel() ? tile.first_channel + c : 0;
      const float scale = grid.scale.empty() ? 1 : grid.scale[entry];
      work(r, c, scale, grid.format.rounded(x / scale));
    }
}

}  // namespace

void float_apply_reference(const FloatGrid& grid, const MutableTile& tile) {
  for_rounded(grid, tile, [&](int64_t r, int64_t c, float scale, float rounded) {
    tile.values[r * tile.row_stride + c] = rounded * scale;
  });
}

void float_codes(const FloatGrid& grid, const Tile& tile, int32_t for_nan, int32_t* codes) {
  std::fill_n(codes, tile.rows * tile.channels, for_nan);
  for_rounded(grid, tile, [&](int64_t r, int64_t c, float, float rounded) {
    codes[r * tile.channels + c] = grid.format.code(rounded);
  });
}

}  // namespace quantdyn
#endif
