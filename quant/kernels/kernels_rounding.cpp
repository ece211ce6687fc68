#include "quant/kernels/kernels_rounding.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quant/kernels/kernels_rounding.cpp"
// clang-format off
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
#include <hwy/contrib/math/math-inl.h>
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace quantdyn::rounding_kernels::HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

template <class V>
struct Rectified {
  V h, slope;
};

/// The rectified sigmoid and its slope, 0 where it is cut off.
template <class D, class V = hn::Vec<D>>
HWY_INLINE Rectified<V> rectified(D d, V v) {
  const V one = hn::Set(d, 1.0f), zero = hn::Zero(d), stretch = hn::Set(d, 1.2f);
  const V sigmoid = hn::Div(one, hn::Add(one, hn::Exp(d, hn::Neg(v))));
  const V h = hn::Sub(hn::Mul(sigmoid, stretch), hn::Set(d, 0.1f));
  const V slope = hn::Mul(hn::Mul(sigmoid, hn::Sub(one, sigmoid)), stretch);
  const auto inside = hn::And(hn::Gt(h, zero), hn::Lt(h, one));
  return {hn::Min(hn::Max(h, zero), one), hn::IfThenElseZero(inside, slope)};
}

/// Calls body(tag, element, channel) for whole vectors of each row, then for single channels.
template <typename Body>
HWY_INLINE void for_elements(int64_t rows, int64_t channels, const Body& body) {
  const hn::ScalableTag<float> wide;
  const hn::CappedTag<float, 1> narrow;
  const auto lanes = static_cast<int64_t>(hn::Lanes(wide));
  for (int64_t r = 0; r < rows; ++r) {
    int64_t c = 0;
    for (; c + lanes <= channels; c += lanes) body(wide, r * channels + c, c);
    for (; c < channels; ++c) body(narrow, r * channels + c, c);
  }
}

void soften(const RoundingGrid& g, const float* v, const float* floor_code, int64_t rows,
            float* effective) {
  for_elements(rows, g.channels, [&](auto d, int64_t i, int64_t c) HWY_ATTR {
    const auto h = rectified(d, hn::LoadU(d, v + i)).h;
    auto code = hn::Add(hn::LoadU(d, floor_code + i), h);
    code = hn::Min(hn::Max(code, hn::LoadU(d, g.lowest + c)), hn::LoadU(d, g.highest + c));
    hn::StoreU(hn::Mul(hn::Sub(code, hn::LoadU(d, g.zero_point + c)), hn::LoadU(d, g.scale + c)), d,
               effective + i);
  });
}

void gradient(const RoundingGrid& g, const RoundingRule& rule, const float* v,
              const float* floor_code, const float* weight_gradient, int64_t rows, float* dv) {
  for_elements(rows, g.channels, [&](auto d, int64_t i, int64_t c) HWY_ATTR {
    const auto [h, slope] = rectified(d, hn::LoadU(d, v + i));
    const auto code = hn::Add(hn::LoadU(d, floor_code + i), h);
    const auto is_free = hn::And(hn::Ge(code, hn::LoadU(d, g.lowest + c)),
                                 hn::Le(code, hn::LoadU(d, g.highest + c)));
    auto sum = hn::IfThenElseZero(
        is_free, hn::Mul(hn::LoadU(d, weight_gradient + i), hn::LoadU(d, g.scale + c)));
    if (rule.strength > 0) {
      const auto off = hn::Sub(hn::Add(h, h), hn::Set(d, 1.0f));
      const auto size = hn::Max(hn::Abs(off), hn::Set(d, 1e-30f));  // of 0 there is no logarithm
      const auto power = hn::Exp(d, hn::Mul(hn::Set(d, rule.exponent - 1), hn::Log(d, size)));
      sum = hn::Sub(
          sum, hn::CopySign(hn::Mul(hn::Set(d, 2 * rule.strength * rule.exponent), power), off));
    }
    hn::StoreU(hn::Mul(sum, slope), d, dv + i);
  });
}

}  // namespace
}  // namespace quantdyn::rounding_kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

#include <algorithm>
#include <cmath>

namespace quantdyn::rounding_kernels {

HWY_EXPORT(soften);
HWY_EXPORT(gradient);

void soften(const RoundingGrid& grid, const float* v, const float* floor_code, int64_t rows,
            float* effective) {
  HWY_DYNAMIC_DISPATCH(soften)(grid, v, floor_code, rows, effective);
}

void gradient(const RoundingGrid& grid, const RoundingRule& rule, const float* v,
              const float* floor_code, const float* weight_gradient, int64_t rows, float* dv) {
  HWY_DYNAMIC_DISPATCH(gradient)(grid, rule, v, floor_code, weight_gradient, rows, dv);
}

namespace reference {
namespace {

struct RectifiedNumber {
  double h, slope;
};
RectifiedNumber rectified(double v) {
  const double sigmoid = 1 / (1 + std::exp(-v));
  const double h = 1.2 * sigmoid - 0.1;
  if (h <= 0 || h >= 1) return {std::clamp(h, 0.0, 1.0), 0};
  return {h, 1.2 * sigmoid * (1 - sigmoid)};
}

}  // namespace

void soften(const RoundingGrid& grid, const float* v, const float* floor_code, int64_t rows,
            float* effective) {
  for (int64_t i = 0; i < rows * grid.channels; ++i) {
    const int64_t c = i % grid.channels;
    const double code =
        std::clamp<double>(floor_code[i] + rectified(v[i]).h, grid.lowest[c], grid.highest[c]);
    effective[i] = static_cast<float>((code - grid.zero_point[c]) * grid.scale[c]);
  }
}

void gradient(const RoundingGrid& grid, const RoundingRule& rule, const float* v,
              const float* floor_code, const float* weight_gradient, int64_t rows, float* dv) {
  for (int64_t i = 0; i < rows * grid.channels; ++i) {
    const int64_t c = i % grid.channels;
    const auto [h, slope] = rectified(v[i]);
    const double code = floor_code[i] + h, off = 2 * h - 1;
    const bool is_free = code >= grid.lowest[c] && code <= grid.highest[c];
    const double of_weight = is_free ? double{weight_gradient[i]} * grid.scale[c] : 0;
    const double of_rule = 2.0 * rule.strength * rule.exponent *
                           std::copysign(std::pow(std::abs(off), double{rule.exponent} - 1), off);
    dv[i] = static_cast<float>((of_weight - of_rule) * slope);
  }
}

}  // namespace reference
}  // namespace quantdyn::rounding_kernels
#endif
