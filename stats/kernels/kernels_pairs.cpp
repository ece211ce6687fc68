#include "stats/kernels/kernels_pairs.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "stats/kernels/kernels_pairs.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

// Compiled once for every instruction set. Channels are the lanes.
HWY_BEFORE_NAMESPACE();
namespace quantdyn::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

constexpr size_t pair_lanes = hn::MaxLanes(hn::ScalableTag<double>());

template <size_t lanes>
HWY_INLINE void errors_from(int64_t c, const Tile& x, const Tile& q, const PairSums& into) {
  constexpr auto step = static_cast<int64_t>(lanes);
  const hn::CappedTag<double, lanes> wide;
  const hn::Rebind<float, decltype(wide)> narrow;
  for (; c + step <= x.channels; c += step) {
    auto difference = hn::LoadU(wide, into.difference + c), error = hn::LoadU(wide, into.error + c);
    auto sum = hn::LoadU(wide, into.value + c), signal = hn::LoadU(wide, into.signal + c);
    auto product = hn::LoadU(wide, into.product + c), square = hn::LoadU(wide, into.twin + c);
    for (int64_t row = 0; row < x.rows; ++row) {
      const auto value = hn::PromoteTo(wide, hn::LoadU(narrow, x.values + row * x.row_stride + c));
      const auto twin = hn::PromoteTo(wide, hn::LoadU(narrow, q.values + row * q.row_stride + c));
      const auto change = hn::Sub(twin, value);
      difference = hn::Add(difference, change);
      error = hn::Add(error, hn::Mul(change, change));
      sum = hn::Add(sum, value);
      signal = hn::Add(signal, hn::Mul(value, value));
      product = hn::Add(product, hn::Mul(value, twin));
      square = hn::Add(square, hn::Mul(twin, twin));
    }
    hn::StoreU(difference, wide, into.difference + c);
    hn::StoreU(error, wide, into.error + c);
    hn::StoreU(sum, wide, into.value + c);
    hn::StoreU(signal, wide, into.signal + c);
    hn::StoreU(product, wide, into.product + c);
    hn::StoreU(square, wide, into.twin + c);
  }
  if constexpr (lanes > 1) errors_from<lanes / 2>(c, x, q, into);
}
void add_errors(const Tile& x, const Tile& q, const PairSums& into) {
  errors_from<pair_lanes>(0, x, q, into);
}

template <size_t lanes>
HWY_INLINE void quantizer_errors_from(int64_t c, const Tile& z, const Tile& q,
                                      const QuantizerErrorSums& into) {
  constexpr auto step = static_cast<int64_t>(lanes);
  const hn::CappedTag<double, lanes> wide;
  const hn::Rebind<float, decltype(wide)> narrow;
  const auto zero = hn::Zero(wide);
  for (; c + step <= z.channels; c += step) {
    auto clipping = hn::LoadU(wide, into.clipping + c),
         rounding = hn::LoadU(wide, into.rounding + c);
    const auto lowest = hn::PromoteTo(wide, hn::LoadU(narrow, into.lowest + c));
    const auto highest = hn::PromoteTo(wide, hn::LoadU(narrow, into.highest + c));
    for (int64_t row = 0; row < z.rows; ++row) {
      const auto value = hn::PromoteTo(wide, hn::LoadU(narrow, z.values + row * z.row_stride + c));
      const auto twin = hn::PromoteTo(wide, hn::LoadU(narrow, q.values + row * q.row_stride + c));
      const auto change = hn::Sub(value, twin);
      const auto error = hn::Mul(change, change);
      const auto is_inside = hn::And(hn::Ge(value, lowest), hn::Le(value, highest));
      const auto is_outside = hn::Or(hn::Lt(value, lowest), hn::Gt(value, highest));
      clipping = hn::Add(clipping, hn::IfThenElse(is_inside, zero, error));
      rounding = hn::Add(rounding, hn::IfThenElse(is_outside, zero, error));
    }
    hn::StoreU(clipping, wide, into.clipping + c);
    hn::StoreU(rounding, wide, into.rounding + c);
  }
  if constexpr (lanes > 1) quantizer_errors_from<lanes / 2>(c, z, q, into);
}
void add_quantizer_errors(const Tile& z, const Tile& q, const QuantizerErrorSums& into) {
  quantizer_errors_from<pair_lanes>(0, z, q, into);
}

}  // namespace quantdyn::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace quantdyn::kernels {

HWY_EXPORT(add_errors);
HWY_EXPORT(add_quantizer_errors);

void add_errors(const Tile& x, const Tile& q, const PairSums& into) {
  HWY_DYNAMIC_DISPATCH(add_errors)(x, q, into);
}
void add_quantizer_errors(const Tile& z, const Tile& q, const QuantizerErrorSums& into) {
  HWY_DYNAMIC_DISPATCH(add_quantizer_errors)(z, q, into);
}

namespace reference {

void add_errors(const Tile& x, const Tile& q, const PairSums& into) {
  for (int64_t row = 0; row < x.rows; ++row)
    for (int64_t c = 0; c < x.channels; ++c) {
      const double value = x.values[row * x.row_stride + c];
      const double twin = q.values[row * q.row_stride + c];
      const double change = twin - value;
      into.difference[c] += change;
      into.error[c] += change * change;
      into.value[c] += value;
      into.signal[c] += value * value;
      into.product[c] += value * twin;
      into.twin[c] += twin * twin;
    }
}

void add_quantizer_errors(const Tile& z, const Tile& q, const QuantizerErrorSums& into) {
  for (int64_t row = 0; row < z.rows; ++row)
    for (int64_t c = 0; c < z.channels; ++c) {
      const double value = z.values[row * z.row_stride + c];
      const double change = value - q.values[row * q.row_stride + c];
      const bool is_inside = value >= into.lowest[c] && value <= into.highest[c];
      const bool is_outside = value < into.lowest[c] || value > into.highest[c];
      into.clipping[c] += is_inside ? 0 : change * change;
      into.rounding[c] += is_outside ? 0 : change * change;
    }
}

}  // namespace reference
}  // namespace quantdyn::kernels
#endif
