#include "stats/kernels.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "stats/kernels.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

// Compiled once for every instruction set. Channels are the lanes; what does not fill a vector goes
// to vectors of half the width, down to one lane, so no load touches a value outside the tile.
HWY_BEFORE_NAMESPACE();
namespace quantdyn::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

constexpr size_t float_lanes = hn::MaxLanes(hn::ScalableTag<float>());
constexpr size_t double_lanes = hn::MaxLanes(hn::ScalableTag<double>());

// Min and Max differ between instruction sets where a value is NaN; a comparison does not.
template <class V>
HWY_INLINE V smaller(V x, V so_far) {
  return hn::IfThenElse(hn::Lt(x, so_far), x, so_far);
}
template <class V>
HWY_INLINE V larger(V x, V so_far) {
  return hn::IfThenElse(hn::Gt(x, so_far), x, so_far);
}

template <size_t lanes>
HWY_INLINE void moments_of_lanes(const Tile& tile, int64_t c, const MomentSums& into) {
  const hn::CappedTag<double, lanes> wide;
  const hn::Rebind<float, decltype(wide)> narrow;
  const auto shift = hn::LoadU(wide, into.shift + c);
  auto sum = hn::LoadU(wide, into.sum + c);
  auto square = hn::LoadU(wide, into.square + c);
  auto minimum = hn::LoadU(narrow, into.minimum + c);
  auto maximum = hn::LoadU(narrow, into.maximum + c);
  const float* values = tile.values + c;
  for (int64_t row = 0; row < tile.rows; ++row, values += tile.row_stride) {
    const auto x = hn::LoadU(narrow, values);
    const auto shifted = hn::Sub(hn::PromoteTo(wide, x), shift);
    sum = hn::Add(sum, shifted);
    square = hn::Add(square, hn::Mul(shifted, shifted));
    minimum = smaller(x, minimum);
    maximum = larger(x, maximum);
  }
  hn::StoreU(sum, wide, into.sum + c);
  hn::StoreU(square, wide, into.square + c);
  hn::StoreU(minimum, narrow, into.minimum + c);
  hn::StoreU(maximum, narrow, into.maximum + c);
}

template <size_t lanes>
HWY_INLINE void moments_from(int64_t c, const Tile& tile, const MomentSums& into) {
  constexpr auto step = static_cast<int64_t>(lanes);
  for (; c + step <= tile.channels; c += step) moments_of_lanes<lanes>(tile, c, into);
  if constexpr (lanes > 1) moments_from<lanes / 2>(c, tile, into);
}
void add_moments(const Tile& tile, const MomentSums& into) {
  moments_from<double_lanes>(0, tile, into);
}

template <size_t lanes>
HWY_INLINE void errors_from(int64_t c, const Tile& x, const Tile& q, double* error,
                            double* signal) {
  constexpr auto step = static_cast<int64_t>(lanes);
  const hn::CappedTag<double, lanes> wide;
  const hn::Rebind<float, decltype(wide)> narrow;
  for (; c + step <= x.channels; c += step) {
    auto error_sum = hn::LoadU(wide, error + c);
    auto signal_sum = hn::LoadU(wide, signal + c);
    for (int64_t row = 0; row < x.rows; ++row) {
      const auto value = hn::PromoteTo(wide, hn::LoadU(narrow, x.values + row * x.row_stride + c));
      const auto twin = hn::PromoteTo(wide, hn::LoadU(narrow, q.values + row * q.row_stride + c));
      const auto difference = hn::Sub(value, twin);
      error_sum = hn::Add(error_sum, hn::Mul(difference, difference));
      signal_sum = hn::Add(signal_sum, hn::Mul(value, value));
    }
    hn::StoreU(error_sum, wide, error + c);
    hn::StoreU(signal_sum, wide, signal + c);
  }
  if constexpr (lanes > 1) errors_from<lanes / 2>(c, x, q, error, signal);
}
void add_errors(const Tile& x, const Tile& q, double* error, double* signal) {
  errors_from<double_lanes>(0, x, q, error, signal);
}

// LogBins::index for a vector, less the middle: negative for negative values.
template <class D, class V>
HWY_INLINE V signed_bin(D d, V bits, const LogBins& bins) {
  const V infinity = hn::Set(d, LogBins::infinity_bits);
  const V magnitude = hn::And(bits, hn::Set(d, 0x7fffffff));
  const V step = hn::ShiftRightSame(magnitude, 23 - bins.mantissa_bits);
  V bin = hn::Sub(step, hn::Set(d, bins.first_step() - 2));
  bin = hn::Min(hn::Max(bin, hn::Set(d, 1)), hn::Set(d, bins.per_sign() + 2));
  bin = hn::Min(bin, magnitude);  // zero; every other magnitude is larger than its bin
  const V is_nan = hn::VecFromMask(d, hn::Gt(magnitude, infinity));
  const V is_infinite_or_nan =
      hn::VecFromMask(d, hn::Gt(magnitude, hn::Set(d, LogBins::infinity_bits - 1)));
  bin = hn::Sub(hn::Sub(bin, is_infinite_or_nan), is_nan);  // a true lane is -1
  const V sign = hn::AndNot(is_nan, hn::BroadcastSignBit(bits));
  return hn::Sub(hn::Xor(bin, sign), sign);
}

template <size_t lanes, typename Count>
HWY_INLINE void bins_from(int64_t c, const Tile& tile, const LogBins& bins, Count* counts,
                          int64_t per_channel) {
  constexpr auto step = static_cast<int64_t>(lanes);
  constexpr int64_t rows_at_once = 32;
  const hn::CappedTag<int32_t, lanes> d;
  const hn::Rebind<float, decltype(d)> d_float;
  HWY_ALIGN int32_t places[rows_at_once * step];
  const auto offset =
      hn::Add(hn::Mul(hn::Iota(d, 0), hn::Set(d, static_cast<int32_t>(per_channel))),
              hn::Set(d, bins.zero()));
  for (; c + step <= tile.channels; c += step) {
    Count* const first = counts + c * per_channel;
    const float* values = tile.values + c;
    for (int64_t done = 0; done < tile.rows; done += rows_at_once) {
      const int64_t rows = std::min(rows_at_once, tile.rows - done);
      for (int64_t row = 0; row < rows; ++row, values += tile.row_stride) {
        const auto bits = hn::BitCast(d, hn::LoadU(d_float, values));
        hn::Store(hn::Add(signed_bin(d, bits, bins), offset), d, places + row * step);
      }
      for (int64_t i = 0; i < rows * step; ++i) ++first[places[i]];
    }
  }
  if constexpr (lanes > 1) bins_from<lanes / 2>(c, tile, bins, counts, per_channel);
}
void count_bins_32(const Tile& tile, const LogBins& bins, uint32_t* counts, int64_t per_channel) {
  bins_from<float_lanes>(0, tile, bins, counts, per_channel);
}
void count_bins_64(const Tile& tile, const LogBins& bins, uint64_t* counts, int64_t per_channel) {
  bins_from<float_lanes>(0, tile, bins, counts, per_channel);
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
HWY_EXPORT(add_errors);
HWY_EXPORT(count_bins_32);
HWY_EXPORT(count_bins_64);
HWY_EXPORT(widen_range);

void add_moments(const Tile& tile, const MomentSums& into) {
  HWY_DYNAMIC_DISPATCH(add_moments)(tile, into);
}
void add_errors(const Tile& x, const Tile& q, double* error, double* signal) {
  HWY_DYNAMIC_DISPATCH(add_errors)(x, q, error, signal);
}
void count_bins(const Tile& tile, const LogBins& bins, uint32_t* counts, int64_t per_channel) {
  HWY_DYNAMIC_DISPATCH(count_bins_32)(tile, bins, counts, per_channel);
}
void count_bins(const Tile& tile, const LogBins& bins, uint64_t* counts, int64_t per_channel) {
  HWY_DYNAMIC_DISPATCH(count_bins_64)(tile, bins, counts, per_channel);
}
void widen_range(const float* values, int64_t count, float& minimum, float& maximum) {
  HWY_DYNAMIC_DISPATCH(widen_range)(values, count, minimum, maximum);
}

}  // namespace quantdyn::kernels
#endif
