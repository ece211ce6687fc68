// Activations of vectors; included once for each instruction set (Highway's foreach_target).
#include <hwy/highway.h>

#include "framework/channel_map.h"

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
