#include "quant/kernels/kernels.h"

#include <algorithm>
#include <cmath>
#include <memory>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quant/kernels/kernels.cpp"
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace quantdyn::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

/// Whole numbers; from words[i] on are those of the values where rounding is stochastic.
template <Rounding rounding, typename V>
V round(V t, const uint32_t* words, int64_t i) {
  const hn::DFromV<V> d;
  if constexpr (rounding == Rounding::half_to_even) return hn::Round(t);
  if constexpr (rounding == Rounding::stochastic) {
    const hn::RebindToUnsigned<decltype(d)> d_word;
    const hn::RebindToSigned<decltype(d)> d_whole;
    const auto bits = hn::BitCast(d_whole, hn::ShiftRight<8>(hn::LoadU(d_word, words + i)));
    const V u = hn::Mul(hn::ConvertTo(d, bits), hn::Set(d, 0x1p-24f));
    const V below = hn::Floor(t);
    return hn::Add(below, hn::IfThenElseZero(hn::Lt(u, hn::Sub(t, below)), hn::Set(d, 1.0f)));
  }
  const V size = hn::Abs(t);
  const V whole = hn::Trunc(size);  // size + 0.5 would round 0.49999997 up to 1
  const auto is_up = hn::Ge(hn::Sub(size, whole), hn::Set(d, 0.5f));
  return hn::CopySign(hn::Add(whole, hn::IfThenElseZero(is_up, hn::Set(d, 1.0f))), t);
}

/// `factor` is the scale, or its reciprocal where that is the convention.
template <Rounding rounding, ZeroPointOrder order, Scaling scaling, typename V>
V quantized(V x, V scale, V factor, V zero_point, V lowest, V highest, const uint32_t* words,
            int64_t i) {
  const V t = scaling == Scaling::divide ? hn::Div(x, factor) : hn::Mul(x, factor);
  V code;
  if constexpr (order == ZeroPointOrder::round_then_add) {
    code = hn::Add(round<rounding>(t, words, i), zero_point);
  } else {  // adding 0 turns -0 into 0, as the other order does
    code = hn::Add(round<rounding>(hn::Add(t, zero_point), words, i), hn::Zero(hn::DFromV<V>()));
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

/// Whether apply_blocks() may be called.
bool takes_blocks(const AffineGrid& grid) {
  return grid.rounding == Rounding::half_to_even && grid.order == ZeroPointOrder::round_then_add &&
         grid.scaling == Scaling::divide && !grid.is_per_channel() &&
         std::isnormal(1 / grid.scale[0]);
}

/// One scale, half to even, x / s: whole blocks of values, without a division where the result is
/// the same. `to` is `from`, or holds none of its values. x (1 / s) is off x / s by less than 2^-21
/// of itself, so it rounds alike unless it is that close to a tie; then, and for NaN and infinity,
/// the block divides. Returns where it stopped.
template <class D>
int64_t apply_blocks(D d, const AffineGrid& grid, const float* from, float* to, int64_t n) {
  using V = hn::Vec<D>;
  constexpr int vectors = 4;
  constexpr int64_t prefetched = 512;  // floats ahead
  const auto step = static_cast<int64_t>(hn::Lanes(d));
  const V scale = hn::Set(d, grid.scale[0]), reciprocal = hn::Set(d, 1 / grid.scale[0]);
  const V zero_point = hn::Set(d, grid.zero_point[0]);
  const V lowest = hn::Set(d, static_cast<float>(grid.lowest_code));
  const V highest = hn::Set(d, static_cast<float>(grid.highest_code));
  const V half = hn::Set(d, 0.5f), error = hn::Set(d, 0x1p-21f);
  int64_t i = 0;
  for (; i + vectors * step <= n; i += vectors * step) {
    V x[vectors], whole[vectors];
    const float* const later = from + std::min(i + prefetched, n - vectors * step);
#pragma GCC unroll 4
    for (int j = 0; j < vectors; ++j) hwy::Prefetch(later + j * step);
    auto is_far = hn::FirstN(d, static_cast<size_t>(step));
#pragma GCC unroll 4
    for (int j = 0; j < vectors; ++j) {
      x[j] = hn::LoadU(d, from + i + j * step);
      const V t = hn::Mul(x[j], reciprocal);
      whole[j] = hn::Round(t);
      const V far = hn::NegMulAdd(hn::Abs(t), error, half);
      is_far = hn::And(is_far, hn::Lt(hn::Abs(hn::Sub(t, whole[j])), far));
    }
    if (HWY_LIKELY(hn::AllTrue(d, is_far))) {
#pragma GCC unroll 4
      for (int j = 0; j < vectors; ++j) {
        const V code = hn::Min(hn::Max(hn::Add(whole[j], zero_point), lowest), highest);
        hn::StoreU(hn::Mul(hn::Sub(code, zero_point), scale), d, to + i + j * step);
      }
      continue;
    }
    for (int j = 0; j < vectors; ++j)
      hn::StoreU(quantized<Rounding::half_to_even, ZeroPointOrder::round_then_add, Scaling::divide>(
                     x[j], scale, scale, zero_point, lowest, highest, nullptr, 0),
                 d, to + i + j * step);
  }
  return i;
}

template <Rounding rounding, ZeroPointOrder order, Scaling scaling>
void apply_row(const AffineGrid& grid, const Entries& e, const uint32_t* words,
               float* HWY_RESTRICT values, int64_t n) {
  const auto run = [&](auto d, int64_t from) HWY_ATTR {
    const auto lowest = hn::Set(d, static_cast<float>(grid.lowest_code));
    const auto highest = hn::Set(d, static_cast<float>(grid.highest_code));
    const auto step = static_cast<int64_t>(hn::Lanes(d));
    int64_t i = from;
    if (e.stride == 0) {
      const auto scale = hn::Set(d, *e.scale);
      const auto factor = hn::Set(d, *e.factor);
      const auto zero_point = hn::Set(d, *e.zero_point);
      for (; i + step <= n; i += step)
        hn::StoreU(quantized<rounding, order, scaling>(hn::LoadU(d, values + i), scale, factor,
                                                       zero_point, lowest, highest, words, i),
                   d, values + i);
      return i;
    }
    for (; i + step <= n; i += step)
      hn::StoreU(
          quantized<rounding, order, scaling>(
              hn::LoadU(d, values + i), hn::LoadU(d, e.scale + i), hn::LoadU(d, e.factor + i),
              hn::LoadU(d, e.zero_point + i), lowest, highest, words, i),
          d, values + i);
    return i;
  };
  int64_t done = 0;
  if constexpr (rounding == Rounding::half_to_even && order == ZeroPointOrder::round_then_add &&
                scaling == Scaling::divide)
    if (takes_blocks(grid)) done = apply_blocks(hn::ScalableTag<float>(), grid, values, values, n);
  run(hn::CappedTag<float, 1>(), run(hn::ScalableTag<float>(), done));
}

template <Rounding rounding, ZeroPointOrder order, Scaling scaling>
void apply_rows(const AffineGrid& grid, const MutableTile& tile) {
  const bool is_per_channel = grid.is_per_channel();
  const int64_t first = is_per_channel ? tile.first_channel : 0;
  const std::vector<float>& factor = scaling == Scaling::divide ? grid.scale : grid.reciprocal;
  const Entries entries{grid.scale.data() + first, factor.data() + first,
                        grid.zero_point.data() + first, is_per_channel ? 1 : 0};
  const bool is_one_row = !is_per_channel && tile.row_stride == tile.channels &&
                          (!grid.draws || grid.draws->channels == tile.channels);
  const int64_t rows = is_one_row ? 1 : tile.rows;
  const int64_t length = is_one_row ? tile.rows * tile.channels : tile.channels;
  if constexpr (rounding != Rounding::stochastic) {
    for (int64_t r = 0; r < rows; ++r)
      apply_row<rounding, order, scaling>(grid, entries, nullptr, tile.values + r * tile.row_stride,
                                          length);
  } else {
    TileWords words(*grid.draws, tile);
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t i = 0; i < length; i += TileWords::capacity) {
        const int64_t count = std::min(TileWords::capacity, length - i), from = i * entries.stride;
        apply_row<rounding, order, scaling>(grid,
                                            {entries.scale + from, entries.factor + from,
                                             entries.zero_point + from, entries.stride},
                                            words.at(r, i, count),
                                            tile.values + r * tile.row_stride + i, count);
      }
  }
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

Apply choose(const AffineGrid& grid) {
  switch (grid.rounding) {
    case Rounding::half_to_even:
      return choose_order<Rounding::half_to_even>(grid);
    case Rounding::half_away_from_zero:
      return choose_order<Rounding::half_away_from_zero>(grid);
    case Rounding::stochastic:
      break;
  }
  return choose_scaling<Rounding::stochastic, ZeroPointOrder::round_then_add>(grid.scaling);
}

void apply(const AffineGrid& grid, const MutableTile& tile) { choose(grid)(grid, tile); }

void apply_to(const AffineGrid& grid, const Tile& from, float* to) {
  const int64_t n = from.rows * from.channels;
  if (takes_blocks(grid) && from.row_stride == from.channels) {
    const int64_t done = apply_blocks(hn::ScalableTag<float>(), grid, from.values, to, n);
    std::copy_n(from.values + done, n - done, to + done);
    return apply(grid, {to + done, 1, n - done, n - done, 0, 0, from.chunk, from.worker});
  }
  for (int64_t r = 0; r < from.rows; ++r)
    std::copy_n(from.values + r * from.row_stride, from.channels, to + r * from.channels);
  apply(grid, {to, from.rows, from.channels, from.channels, from.first_row, from.first_channel,
               from.chunk, from.worker});
}

}  // namespace
}  // namespace quantdyn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

#include <cmath>

namespace quantdyn {

HWY_EXPORT(apply);
HWY_EXPORT(apply_to);

void affine_apply(const AffineGrid& grid, const MutableTile& tile) {
  HWY_DYNAMIC_DISPATCH(apply)(grid, tile);
}

void affine_apply_to(const AffineGrid& grid, const Tile& from, float* to) {
  HWY_DYNAMIC_DISPATCH(apply_to)(grid, from, to);
}

namespace {

/// The code of a value that is not NaN, as a float; `word` is its own where rounding is stochastic.
float code_of(const AffineGrid& grid, int64_t entry, float x, uint32_t word) {
  const auto round = [&](float t) {
    if (grid.rounding == Rounding::half_to_even) return std::nearbyint(t);
    if (grid.rounding == Rounding::half_away_from_zero) return std::round(t);
    const float u = static_cast<float>(word >> 8) * 0x1p-24f, below = std::floor(t);
    return below + (u < t - below ? 1.0f : 0.0f);
  };
  const float zero_point = grid.zero_point[entry];
  const float t =
      grid.scaling == Scaling::divide ? x / grid.scale[entry] : x * grid.reciprocal[entry];
  const bool rounds_first =
      grid.order == ZeroPointOrder::round_then_add || grid.rounding == Rounding::stochastic;
  const float code = rounds_first ? round(t) + zero_point : round(t + zero_point) + 0.0f;
  return std::clamp(code, static_cast<float>(grid.lowest_code),
                    static_cast<float>(grid.highest_code));
}

/// Calls work(r, c, entry, code) for every value that is not NaN.
template <typename Work>
void for_codes(const AffineGrid& grid, const Tile& tile, const Work& work) {
  std::unique_ptr<TileWords> words;  // large: not on the stack of every call
  if (grid.rounding == Rounding::stochastic) words = std::make_unique<TileWords>(*grid.draws, tile);
  for (int64_t r = 0; r < tile.rows; ++r)
    for (int64_t c = 0; c < tile.channels; ++c) {
      const float x = tile.values[r * tile.row_stride + c];
      const int64_t entry = grid.is_per_channel() ? tile.first_channel + c : 0;
      if (!std::isnan(x))
        work(r, c, entry, code_of(grid, entry, x, words ? *words->at(r, c, 1) : 0));
    }
}

}  // namespace

void affine_apply_reference(const AffineGrid& grid, const MutableTile& tile) {
  for_codes(grid, tile, [&](int64_t r, int64_t c, int64_t entry, float code) {
    tile.values[r * tile.row_stride + c] = (code - grid.zero_point[entry]) * grid.scale[entry];
  });
}

void affine_codes(const AffineGrid& grid, const Tile& tile, int32_t for_nan, int32_t* codes) {
  std::fill_n(codes, tile.rows * tile.channels, for_nan);
  for_codes(grid, tile, [&](int64_t r, int64_t c, int64_t, float code) {
    codes[r * tile.channels + c] = static_cast<int32_t>(code);
  });
}

}  // namespace quantdyn
#endif
