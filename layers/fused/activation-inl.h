// Activations of vectors; included once per instruction set (Highway's foreach_target).
#include <hwy/highway.h>

#include <cstdint>

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

/// min(high, max(low, x)), infinite ends left out; the operands' order keeps NaN on x86.
template <FusedActivation activation, class D, class V>
HWY_INLINE V activate(D d, V x) {
  namespace hn = hwy::HWY_NAMESPACE;
  constexpr Ends ends = ends_of(activation);
  if constexpr (ends.low > -Activation::infinity) x = hn::Max(hn::Set(d, ends.low), x);
  if constexpr (ends.high < Activation::infinity) x = hn::Min(hn::Set(d, ends.high), x);
  return x;
}

/// A map's scale and shift for the vector of channels at `c`; identity if the map is null.
template <class D>
struct Mapped {
  hwy::HWY_NAMESPACE::Vec<D> scale, shift, low, high;

  HWY_INLINE Mapped(D d, const ChannelMap* map, int64_t c)
      : scale(hwy::HWY_NAMESPACE::Set(d, 1.0f)), shift(hwy::HWY_NAMESPACE::Zero(d)) {
    namespace hn = hwy::HWY_NAMESPACE;
    const Ends ends = ends_of(map ? map->activation : FusedActivation::none);
    low = hn::Set(d, ends.low);
    high = hn::Set(d, ends.high);
    if (map == nullptr) return;
    scale = hn::LoadU(d, map->scale + c);
    shift = hn::LoadU(d, map->shift + c);
  }
  /// The same bits as activate(): the operands' order keeps NaN on x86.
  HWY_INLINE auto operator()(D, hwy::HWY_NAMESPACE::Vec<D> x) const {
    namespace hn = hwy::HWY_NAMESPACE;
    return hn::Min(high, hn::Max(low, hn::MulAdd(x, scale, shift)));
  }
};

/// dy if the activation passes gradients at its input (or output: the same answer), else 0.
template <FusedActivation activation, class D, class V>
HWY_INLINE V masked(D d, V value, V dy) {
  namespace hn = hwy::HWY_NAMESPACE;
  if constexpr (activation == FusedActivation::none) return dy;
  constexpr Ends ends = ends_of(activation);
  auto passes = hn::Gt(value, hn::Set(d, ends.low));
  if constexpr (ends.high < Activation::infinity)
    passes = hn::And(passes, hn::Lt(value, hn::Set(d, ends.high)));
  return hn::IfThenElseZero(passes, dy);
}

/// Calls work.operator()<activation>().
template <typename Work>
HWY_INLINE void with_activation(FusedActivation activation, const Work& work) {
  switch (activation) {
    case FusedActivation::none:
      return work.template operator()<FusedActivation::none>();
    case FusedActivation::relu:
      return work.template operator()<FusedActivation::relu>();
    case FusedActivation::relu6:
      return work.template operator()<FusedActivation::relu6>();
  }
}

}  // namespace quantdyn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
