// Activations of vectors; included once for each instruction set (Highway's foreach_target).
#include <hwy/highway.h>

#include <cstdint>
#include <limits>

#include "framework/graph/channel_map.h"

// Highway's own guard: the header is read again for every target.
#if defined(QUANTDYN_ACTIVATION_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef QUANTDYN_ACTIVATION_INL
#undef QUANTDYN_ACTIVATION_INL
#else
#define QUANTDYN_ACTIVATION_INL
#endif

HWY_BEFORE_NAMESPACE();
namespace quantdyn::HWY_NAMESPACE {

/// max(0, x) and min(6, max(0, x)); the operands' order lets NaN through on x86.
template <Activation activation, class D, class V>
HWY_INLINE V activate(D d, V x) {
  namespace hn = hwy::HWY_NAMESPACE;
  if constexpr (activation == Activation::none) return x;
  const V positive = hn::Max(hn::Zero(d), x);
  if constexpr (activation == Activation::relu) return positive;
  return hn::Min(hn::Set(d, 6.0f), positive);
}

/// A map's scale and shift for the vector of channels at `c`; identity where the map is null.
template <class D>
struct Mapped {
  hwy::HWY_NAMESPACE::Vec<D> scale, shift, low, high;

  HWY_INLINE Mapped(D d, const ChannelMap* map, int64_t c)
      : scale(hwy::HWY_NAMESPACE::Set(d, 1.0f)), shift(hwy::HWY_NAMESPACE::Zero(d)) {
    namespace hn = hwy::HWY_NAMESPACE;
    constexpr float infinity = std::numeric_limits<float>::infinity();
    const Activation activation = map ? map->activation : Activation::none;
    low = hn::Set(d, activation == Activation::none ? -infinity : 0.0f);
    high = hn::Set(d, activation == Activation::relu6 ? 6.0f : infinity);
    if (map == nullptr) return;
    scale = hn::LoadU(d, map->scale + c);
    shift = hn::LoadU(d, map->shift + c);
  }
  /// The same bits as activate(): the operands' order lets NaN through on x86.
  HWY_INLINE auto operator()(D, hwy::HWY_NAMESPACE::Vec<D> x) const {
    namespace hn = hwy::HWY_NAMESPACE;
    return hn::Min(high, hn::Max(low, hn::MulAdd(x, scale, shift)));
  }
};

/// Calls work.operator()<activation>().
template <typename Work>
HWY_INLINE void with_activation(Activation activation, const Work& work) {
  switch (activation) {
    case Activation::none:
      return work.template operator()<Activation::none>();
    case Activation::relu:
      return work.template operator()<Activation::relu>();
    case Activation::relu6:
      return work.template operator()<Activation::relu6>();
  }
}

}  // namespace quantdyn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
