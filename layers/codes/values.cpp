#include "layers/codes/values.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "layers/codes/values.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace quantdyn::HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

/// A grid for vectors of values.
template <class D>
struct GridVectors {
  hn::Vec<D> scale, reciprocal, lowest, highest;

  HWY_INLINE explicit GridVectors(const CodeGrid& grid)
      : scale(hn::Set(D(), grid.scale)),
        reciprocal(hn::Set(D(), 1 / grid.scale)),
        lowest(hn::Set(D(), static_cast<float>(grid.lowest - grid.zero_point))),
        highest(hn::Set(D(), static_cast<float>(grid.highest - grid.zero_point))) {}
  HWY_INLINE hn::Vec<D> whole(hn::Vec<D> x) const { return hn::Round(hn::Mul(x, reciprocal)); }
  HWY_INLINE hn::Mask<D> is_on_grid(hn::Vec<D> x, hn::Vec<D> whole) const {
    return hn::And(hn::Eq(hn::Mul(whole, scale), x),
                   hn::And(hn::Ge(whole, lowest), hn::Le(whole, highest)));
  }
};

/// Calls body(tag, i) for whole vectors, then for single values, while it returns true.
template <typename Body>
HWY_INLINE bool for_values(int64_t count, const Body& body) {
  const hn::CappedTag<float, 16> wide;
  const auto lanes = static_cast<int64_t>(hn::Lanes(wide));
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes)
    if (!body(wide, i)) return false;
  for (; i < count; ++i)
    if (!body(hn::CappedTag<float, 1>(), i)) return false;
  return true;
}

}  // namespace

bool write_codes(const CodeGrid& grid, const float* values, int64_t count, uint8_t* to) {
  return for_values(count, [&](auto d, int64_t i) HWY_ATTR {
    using D = decltype(d);
    const GridVectors<D> vectors(grid);
    const auto x = hn::LoadU(d, values + i);
    const auto whole = vectors.whole(x);
    if (!hn::AllTrue(d, vectors.is_on_grid(x, whole))) return false;
    const hn::Rebind<int32_t, D> di;
    const hn::Rebind<uint8_t, D> d8;
    hn::StoreU(hn::DemoteTo(d8, hn::ConvertTo(di, hn::Sub(whole, vectors.lowest))), d8, to + i);
    return true;
  });
}

bool check_values(const CodeGrid& grid, const float* values, int64_t count) {
  return for_values(count, [&](auto d, int64_t i) HWY_ATTR {
    const GridVectors<decltype(d)> vectors(grid);
    const auto x = hn::LoadU(d, values + i);
    return hn::AllTrue(d, vectors.is_on_grid(x, vectors.whole(x)));
  });
}

void write_whole_numbers(const CodeGrid& grid, const float* values, int64_t count, float* to) {
  for_values(count, [&](auto d, int64_t i) HWY_ATTR {
    const GridVectors<decltype(d)> vectors(grid);
    hn::StoreU(vectors.whole(hn::LoadU(d, values + i)), d, to + i);
    return true;
  });
}

/// From the last one on: a value takes the place of codes that are done.
void expand_codes(const CodeGrid& grid, int64_t count, float* values) {
  const auto* const codes = reinterpret_cast<const uint8_t*>(values);
  const auto expand = [&](auto d, int64_t i) HWY_ATTR {
    const hn::Rebind<int32_t, decltype(d)> di;
    const hn::Rebind<uint8_t, decltype(d)> d8;
    const auto code = hn::PromoteTo(di, hn::LoadU(d8, codes + i));
    const auto steps = hn::Add(code, hn::Set(di, grid.lowest - grid.zero_point));
    hn::StoreU(hn::Mul(hn::ConvertTo(d, steps), hn::Set(d, grid.scale)), d, values + i);
  };
  const hn::CappedTag<float, 16> wide;
  const auto lanes = static_cast<int64_t>(hn::Lanes(wide));
  while (count % lanes != 0) expand(hn::CappedTag<float, 1>(), --count);
  for (int64_t i = count - lanes; i >= 0; i -= lanes) expand(wide, i);
}

void bytes_to_whole_numbers(int32_t zero, const uint8_t* codes, int64_t count, float* to) {
  for_values(count, [&](auto d, int64_t i) HWY_ATTR {
    const hn::Rebind<int32_t, decltype(d)> di;
    const hn::Rebind<uint8_t, decltype(d)> d8;
    const auto code = hn::PromoteTo(di, hn::LoadU(d8, codes + i));
    hn::StoreU(hn::ConvertTo(d, hn::Sub(code, hn::Set(di, zero))), d, to + i);
    return true;
  });
}

}  // namespace quantdyn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace quantdyn {

HWY_EXPORT(write_codes);
HWY_EXPORT(check_values);
HWY_EXPORT(write_whole_numbers);
HWY_EXPORT(bytes_to_whole_numbers);
HWY_EXPORT(expand_codes);

bool take_codes(const CodeGrid& grid, const float* values, int64_t count, uint8_t* to) {
  return HWY_DYNAMIC_DISPATCH(write_codes)(grid, values, count, to);
}

void codes_to_values(const CodeGrid& grid, int64_t count, float* values) {
  HWY_DYNAMIC_DISPATCH(expand_codes)(grid, count, values);
}

bool are_on_grid(const CodeGrid& grid, const float* values, int64_t count) {
  return HWY_DYNAMIC_DISPATCH(check_values)(grid, values, count);
}

void take_whole_numbers(int32_t zero, const uint8_t* codes, int64_t count, float* to) {
  HWY_DYNAMIC_DISPATCH(bytes_to_whole_numbers)(zero, codes, count, to);
}

void take_whole_numbers(const CodeGrid& grid, const float* values, int64_t count, float* to) {
  HWY_DYNAMIC_DISPATCH(write_whole_numbers)(grid, values, count, to);
}

}  // namespace quantdyn
#endif
