#include "quant/kernels/extreme_rows.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quant/kernels/extreme_rows.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace quantdyn::HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

/// The channels of one vector, all rows.
template <class D>
HWY_INLINE bool fold_channels(D d, const float* values, int64_t rows, int64_t row_stride,
                              float* low, float* high) {
  auto lowest = hn::LoadU(d, low), highest = hn::LoadU(d, high);
  auto all = hn::Zero(d);  // NaN from the first value on that is not finite
  for (int64_t r = 0; r < rows; ++r) {
    const auto value = hn::LoadU(d, values + r * row_stride);
    lowest = hn::Min(value, lowest);
    highest = hn::Max(value, highest);
    all = hn::MulAdd(value, hn::Zero(d), all);
  }
  hn::StoreU(lowest, d, low);
  hn::StoreU(highest, d, high);
  return hn::AllFalse(d, hn::IsNaN(all));
}

}  // namespace

bool fold(const float* values, int64_t rows, int64_t row_stride, int64_t channels, float* low,
          float* high) {
  const hn::ScalableTag<float> wide;
  const hn::CappedTag<float, 1> narrow;
  const auto lanes = static_cast<int64_t>(hn::Lanes(wide));
  bool is_finite = true;
  int64_t c = 0;
  for (; c + lanes <= channels; c += lanes)
    is_finite &= fold_channels(wide, values + c, rows, row_stride, low + c, high + c);
  for (; c < channels; ++c)
    is_finite &= fold_channels(narrow, values + c, rows, row_stride, low + c, high + c);
  return is_finite;
}

}  // namespace quantdyn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace quantdyn {

HWY_EXPORT(fold);

bool fold_extremes(const float* values, int64_t rows, int64_t row_stride, int64_t channels,
                   float* low, float* high) {
  return HWY_DYNAMIC_DISPATCH(fold)(values, rows, row_stride, channels, low, high);
}

}  // namespace quantdyn
#endif
