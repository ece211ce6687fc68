#include "layers/codes/maps.h"

#include <algorithm>
#include <cmath>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "layers/codes/maps.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "layers/codes/maps-inl.h"

HWY_BEFORE_NAMESPACE();
namespace quantdyn::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

void code_rows(const CodeMap& map, const float* sums, int64_t rows, int64_t channels, uint8_t* to) {
  const hn::CappedTag<float, 16> wide;
  const hn::CappedTag<float, 1> narrow;
  const CodeVectors<decltype(wide)> vectors(map);
  const CodeVectors<decltype(narrow)> single(map);
  const auto lanes = static_cast<int64_t>(hn::Lanes(wide));
  for (int64_t row = 0; row < rows; ++row, sums += channels, to += channels) {
    int64_t c = 0;
    const auto sum_at = [&](int64_t lane) { return sums[c + lane]; };
    for (; c + lanes <= channels; c += lanes)
      vectors.store(hn::LoadU(wide, sums + c), c, to + c, sum_at);
    for (; c < channels; ++c) single.store(hn::LoadU(narrow, sums + c), c, to + c, sum_at);
  }
}

void map_rows(const SumMap& map, float* sums, int64_t rows, int64_t channels) {
  for (int64_t row = 0; row < rows; ++row, sums += channels) {
    const auto apply = [&](auto d, int64_t c) HWY_ATTR {
      const hn::Rebind<float, decltype(d)> df;
      const MappedSums<decltype(d)> mapped(map, c);
      hn::StoreU(mapped(hn::PromoteTo(d, hn::LoadU(df, sums + c))), df, sums + c);
    };
    const hn::CappedTag<double, 8> wide;
    const auto lanes = static_cast<int64_t>(hn::Lanes(wide));
    int64_t c = 0;
    for (; c + lanes <= channels; c += lanes) apply(wide, c);
    for (; c < channels; ++c) apply(hn::CappedTag<double, 1>(), c);
  }
}

}  // namespace quantdyn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace quantdyn {

HWY_EXPORT(map_rows);
HWY_EXPORT(code_rows);

CodeMap::CodeMap(const SumMap& exact_map, const CodeTransform& transform, const CodeGrid& of_output)
    : exact(exact_map), output(transform), grid(of_output) {
  double largest = 0, steepest = 0;
  for (size_t i = 0; i < exact.scale.size(); ++i) {
    scale.push_back(static_cast<float>(exact.scale[i] / grid.scale));
    if (!std::isfinite(scale.back())) largest = HUGE_VAL;
    steepest = std::max(steepest, double{std::abs(scale.back())});
    const double offset = exact.shift[i] / grid.scale;
    shift.push_back(static_cast<float>(offset + grid.zero_point - grid.lowest));
    largest = std::max(largest, std::isfinite(offset) ? std::abs(offset) : HUGE_VAL);
  }
  const size_t padded = scale.size();
  while (scale.size() % 64 != 0) {
    scale.push_back(scale[scale.size() - padded]);
    shift.push_back(shift[shift.size() - padded]);
  }
  // In units of 2^-24 codes, with t up to 256 and |shift| up to 256 + `largest`: the shortcut
  // rounds sum, scale, shift and result, 4 (|t| + |shift|); the exact way the result, its quotient
  // by the scale (twice) and the code, 3 (|t| + 256) + 256. Together at most 4096 + 4 largest.
  const double error = std::ldexp(256 + largest / 4, -20);
  is_usable = error < 0.25;
  is_small = is_usable && steepest <= 0.25;
  furthest = static_cast<float>(0.5 - error);
  last = static_cast<float>(grid.highest - grid.lowest);
  if (exact.ends.low > -HUGE_VALF) first = code_of(exact.ends.low);
  if (exact.ends.high < HUGE_VALF) last = code_of(exact.ends.high);
}

uint8_t CodeMap::code_of_sum(double sum, int64_t column) const {
  const double scaled = sum * exact.scale[column];
  return code_of(exact.ends.clip(static_cast<float>(scaled + exact.shift[column])));
}

uint8_t CodeMap::code_of(float value) const {
  int32_t code = 0;
  output.codes({&value, 1, 1, 1, 0, 0, 0, 0}, &code);
  return static_cast<uint8_t>(code - grid.lowest);
}

void map_sums(const CodeMap& map, const float* sums, int64_t rows, int64_t channels, uint8_t* to) {
  HWY_DYNAMIC_DISPATCH(code_rows)(map, sums, rows, channels, to);
}

void map_sums(const SumMap& map, float* sums, int64_t rows, int64_t channels) {
  HWY_DYNAMIC_DISPATCH(map_rows)(map, sums, rows, channels);
}

}  // namespace quantdyn
#endif
