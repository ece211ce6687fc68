// Loops over channels in whole vectors; included once per instruction set (Highway's
// foreach_target).
#include <hwy/highway.h>

#include <cstdint>

// Highway's own guard: the header is read again for every target.
#if defined(QUANTDYN_CHANNELS_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef QUANTDYN_CHANNELS_INL
#undef QUANTDYN_CHANNELS_INL
#else
#define QUANTDYN_CHANNELS_INL
#endif

HWY_BEFORE_NAMESPACE();
namespace quantdyn::HWY_NAMESPACE {

/// Calls body(tag, channel) for whole vectors, then for single channels.
template <typename Body>
HWY_INLINE void for_channels(int64_t channels, const Body& body) {
  const hwy::HWY_NAMESPACE::ScalableTag<float> wide;
  const hwy::HWY_NAMESPACE::CappedTag<float, 1> narrow;
  const auto lanes = static_cast<int64_t>(hwy::HWY_NAMESPACE::Lanes(wide));
  int64_t c = 0;
  for (; c + lanes <= channels; c += lanes) body(wide, c);
  for (; c < channels; ++c) body(narrow, c);
}

/// to[i] += values[i], in double.
template <class D, class V>
HWY_INLINE void add_to_doubles(D d, V values, double* to) {
  namespace hn = hwy::HWY_NAMESPACE;
#if HWY_TARGET != HWY_SCALAR  // the scalar target has no half vectors
  if constexpr (hn::MaxLanes(D()) > 1) {
    const hn::Half<D> half;
    const hn::Rebind<double, decltype(half)> doubles;
    const auto add = [&](auto part, double* at) HWY_ATTR {
      hn::StoreU(hn::Add(hn::LoadU(doubles, at), hn::PromoteTo(doubles, part)), doubles, at);
    };
    add(hn::LowerHalf(half, values), to);
    add(hn::UpperHalf(half, values), to + hn::Lanes(doubles));
    return;
  }
#endif
  *to += static_cast<double>(hn::GetLane(values));
  static_cast<void>(d);
}

}  // namespace quantdyn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
