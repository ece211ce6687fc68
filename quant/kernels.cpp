#include "quant/kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quant/kernels.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace quantdyn::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

template <Rounding rounding, typename V>
V round(V t) {
  if constexpr (rounding == Rounding::half_to_even) return hn::Round(t);
  const hn::DFromV<V> d;
  const V size = hn::Abs(t);
  const V whole = hn::Trunc(size);  // size + 0.5 would round 0.49999997 up to 1
  const auto is_up = hn::Ge(hn::Sub(size, whole), hn::Set(d, 0.5f));
  return hn::CopySign(hn::Add(whole, hn::IfThenElseZero(is_up, hn::Set(d, 1.0f))), t);
}

/// `factor` is the scale, or its reciprocal where that is the convention.
template <Rounding rounding, ZeroPointOrder order, Scaling scaling, typename V>
V quantized(V x, V scale, V factor, V zero_point, V lowest, V highest) {
  const V t = scaling == Scaling::divide ? hn::Div(x, factor) : hn::Mul(x, factor);
  V code;
  if constexpr (order == ZeroPointOrder::round_then_add) {
    code = hn::Add(round<rounding>(t), zero_point);
  } else {  // adding 0 turns -0 into 0, as the other order does
    code = hn::Add(round<rounding>(hn::Add(t, zero_point)), hn::Zero(hn::DFromV<V>()));
  }
  code = hn::Min(hn::Max(code, lowest), highest);
  const V y = hn::Mul(hn::Sub(code, zero_point), scale);
  return hn::IfThenElse(hn::IsNaN(x), x, y);
}

/// Entries of a grid as the loop reads them: `stride` 0 repeats the only entry.
struct Entries {
  const float *scale, *factor, *zero_point;
  int64_t stride;
};

template <Rounding rounding, ZeroPointOrder order, Scaling scaling>
void apply_row(const AffineGrid& grid, const Entries& e, float* HWY_RESTRICT values, int64_t n) {
  const auto run = [&](auto d, int64_t from, int64_t to) HWY_ATTR {
    const auto lowest = hn::Set(d, static_cast<float>(grid.lowest_code));
    const auto highest = hn::Set(d, static_cast<float>(grid.highest_code));
    const auto step = static_cast<int64_t>(hn::Lanes(d));
    int64_t i = from;
    if (e.stride == 0) {
      const auto scale = hn::Set(d, *e.scale);
      const auto factor = hn::Set(d, *e.factor);
      const auto zero_point = hn::Set(d, *e.zero_point);
      for (; i + step <= to; i += step)
        hn::StoreU(quantized<rounding, order, scaling>(hn::LoadU(d, values + i), scale, factor,
                                                       zero_point, lowest, highest),
                   d, values + i);
      return i;
    }
    for (; i + step <= to; i += step)
      hn::StoreU(quantized<rounding, order, scaling>(
                     hn::LoadU(d, values + i), hn::LoadU(d, e.scale + i),
                     hn::LoadU(d, e.factor + i), hn::LoadU(d, e.zero_point + i), lowest, highest),
                 d, values + i);
    return i;
  };
  const int64_t done = run(hn::ScalableTag<float>(), 0, n);
  run(hn::CappedTag<float, 1>(), done, n);
}

template <Rounding rounding, ZeroPointOrder order, Scaling scaling>
void apply_rows(const AffineGrid& grid, const MutableTile& tile) {
  const bool is_per_channel = grid.is_per_channel();
  const int64_t first = is_per_channel ? tile.first_channel : 0;
  const std::vector<float>& factor = scaling == Scaling::divide ? grid.scale : grid.reciprocal;
  const Entries entries{grid.scale.data() + first, factor.data() + first,
                        grid.zero_point.data() + first, is_per_channel ? 1 : 0};
  const bool is_one_row = !is_per_channel && tile.row_stride == tile.channels;
  const int64_t rows = is_one_row ? 1 : tile.rows;
  const int64_t length = is_one_row ? tile.rows * tile.channels : tile.channels;
  for (int64_t r = 0; r < rows; ++r)
    apply_row<rounding, order, scaling>(grid, entries, tile.values + r * tile.row_stride, length);
}

using Apply = void (*)(const AffineGrid&, const MutableTile&);

template <Rounding rounding, ZeroPointOrder order>
Apply choose_scaling(Scaling scaling) {
  return scaling == Scaling::divide ? apply_rows<rounding, order, Scaling::divide>
                                    : apply_rows<rounding, order, Scaling::reciprocal>;
}
template <Rounding rounding>
Apply choose_order(const AffineGrid& grid) {
  return grid.order == ZeroPointOrder::round_then_add
             ? choose_scaling<rounding, ZeroPointOrder::round_then_add>(grid.scaling)
             : choose_scaling<rounding, ZeroPointOrder::add_then_round>(grid.scaling);
}

void apply(const AffineGrid& grid, const MutableTile& tile) {
  const Apply chosen = grid.rounding == Rounding::half_to_even
                           ? choose_order<Rounding::half_to_even>(grid)
                           : choose_order<Rounding::half_away_from_zero>(grid);
  chosen(grid, tile);
}

}  // namespace
}  // namespace quantdyn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

#include <algorithm>
#include <cmath>

namespace quantdyn {

HWY_EXPORT(apply);

void affine_apply(const AffineGrid& grid, const MutableTile& tile) {
  HWY_DYNAMIC_DISPATCH(apply)(grid, tile);
}

float affine_code(const AffineGrid& grid, int64_t entry, float x) {
  const auto round = [&](float t) {
    return grid.rounding == Rounding::half_to_even ? std::nearbyint(t) : std::round(t);
  };
  const float zero_point = grid.zero_point[entry];
  const float t =
      grid.scaling == Scaling::divide ? x / grid.scale[entry] : x * grid.reciprocal[entry];
  const float code = grid.order == ZeroPointOrder::round_then_add ? round(t) + zero_point
                                                                  : round(t + zero_point) + 0.0f;
  return std::clamp(code, static_cast<float>(grid.lowest_code),
                    static_cast<float>(grid.highest_code));
}

void affine_apply_reference(const AffineGrid& grid, const MutableTile& tile) {
  for (int64_t r = 0; r < tile.rows; ++r)
    for (int64_t c = 0; c < tile.channels; ++c) {
      float& x = tile.values[r * tile.row_stride + c];
      if (std::isnan(x)) continue;
      const int64_t entry = grid.is_per_channel() ? tile.first_channel + c : 0;
      x = (affine_code(grid, entry, x) - grid.zero_point[entry]) * grid.scale[entry];
    }
}

}  // namespace quantdyn
#endif
