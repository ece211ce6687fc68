#include "layers/fused/residuals.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "layers/fused/residuals.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "layers/fused/activation-inl.h"
#include "layers/fused/channels-inl.h"

HWY_BEFORE_NAMESPACE();
namespace quantdyn::HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

template <FusedActivation activation>
void gradient_rows(float* y, const float* wanted, int64_t rows, int64_t channels, float factor) {
  for (int64_t row = 0; row < rows; ++row, y += channels, wanted += channels)
    for_channels(channels, [&](auto d, int64_t c) HWY_ATTR {
      const auto value = hn::LoadU(d, y + c);
      const auto dy = hn::Mul(hn::Set(d, factor), hn::Sub(value, hn::LoadU(d, wanted + c)));
      hn::StoreU(masked<activation>(d, value, dy), d, y + c);
    });
}

template <class D>
HWY_INLINE void add_square(D d, const float* y, const float* wanted, double* sum) {
  const hn::Rebind<float, D> floats;
  const auto off =
      hn::Sub(hn::PromoteTo(d, hn::LoadU(floats, y)), hn::PromoteTo(d, hn::LoadU(floats, wanted)));
  hn::StoreU(hn::Add(hn::LoadU(d, sum), hn::Mul(off, off)), d, sum);
}

}  // namespace

void gradient_of_residual(float* y, const float* wanted, int64_t rows, int64_t channels,
                          float factor, FusedActivation activation) {
  with_activation(activation, [&]<FusedActivation a>() HWY_ATTR {
    gradient_rows<a>(y, wanted, rows, channels, factor);
  });
}

void squared_residuals(const float* y, const float* wanted, int64_t rows, int64_t channels,
                       double* sums) {
  const hn::ScalableTag<double> wide;
  const hn::CappedTag<double, 1> narrow;
  const auto lanes = static_cast<int64_t>(hn::Lanes(wide));
  for (int64_t row = 0; row < rows; ++row, y += channels, wanted += channels) {
    int64_t c = 0;
    for (; c + lanes <= channels; c += lanes) add_square(wide, y + c, wanted + c, sums + c);
    for (; c < channels; ++c) add_square(narrow, y + c, wanted + c, sums + c);
  }
}

}  // namespace quantdyn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace quantdyn {

HWY_EXPORT(gradient_of_residual);
HWY_EXPORT(squared_residuals);

void residual_gradient(float* y, const float* wanted, int64_t rows, int64_t channels, float factor,
                       FusedActivation activation) {
  HWY_DYNAMIC_DISPATCH(gradient_of_residual)(y, wanted, rows, channels, factor, activation);
}

void add_squared_residuals(const float* y, const float* wanted, int64_t rows, int64_t channels,
                           double* sums) {
  HWY_DYNAMIC_DISPATCH(squared_residuals)(y, wanted, rows, channels, sums);
}

}  // namespace quantdyn
#endif
