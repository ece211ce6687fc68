// Maps of vectors of exact sums; included once per instruction set (Highway's foreach_target).
#include <hwy/highway.h>

#include "layers/codes/maps.h"

// Highway's own guard: the header is read again for every target.
#if defined(QUANTDYN_CODE_MAPS_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef QUANTDYN_CODE_MAPS_INL
#undef QUANTDYN_CODE_MAPS_INL
#else
#define QUANTDYN_CODE_MAPS_INL
#endif

HWY_BEFORE_NAMESPACE();
namespace quantdyn::HWY_NAMESPACE {
namespace code_maps {
namespace hn = hwy::HWY_NAMESPACE;

/// A map for the channels of a vector of doubles; its float results.
template <class D>
struct MappedSums {
  using Floats = hn::Rebind<float, D>;
  hn::Vec<D> scale, shift;
  hn::Vec<Floats> low, high;

  HWY_INLINE MappedSums(const SumMap& map, int64_t c)
      : scale(hn::LoadU(D(), map.scale.data() + c)),
        shift(hn::LoadU(D(), map.shift.data() + c)),
        low(hn::Set(Floats(), map.ends.low)),
        high(hn::Set(Floats(), map.ends.high)) {}
  HWY_INLINE auto operator()(hn::Vec<D> sum) const {
    const auto y = hn::DemoteTo(Floats(), hn::Add(hn::Mul(sum, scale), shift));
    return hn::Min(high, hn::Max(low, y));  // in this order x86 keeps a NaN of the shift
  }
};

/// Codes of vectors of sums. Adding 1.5 2^23 rounds to whole numbers, ties to even, and leaves
/// these in the lowest bits.
template <class D>
struct CodeVectors {
  const CodeMap& map;
  const float* scale;
  const float* shift;
  hn::Vec<D> first, last, furthest, magic;

  HWY_INLINE explicit CodeVectors(const CodeMap& m)
      : map(m),
        scale(m.scale.data()),
        shift(m.shift.data()),
        first(hn::Set(D(), m.first)),
        last(hn::Set(D(), m.last)),
        furthest(hn::Set(D(), m.furthest)),
        magic(hn::Set(D(), 12582912.0f)) {}

  /// Writes the codes of the columns from c on; `sum_at(lane)` is one of the sums.
  template <typename SumAt>
  HWY_INLINE void store(hn::Vec<D> sum, int64_t c, uint8_t* to, const SumAt& sum_at) const {
    const D d;
    const hn::Rebind<uint8_t, D> d8;
    const auto t = hn::MulAdd(sum, hn::LoadU(d, scale + c), hn::LoadU(d, shift + c));
    const auto clipped = hn::Min(hn::Max(t, first), last);
    const auto raised = hn::Add(clipped, magic);
    const auto is_close = hn::Gt(hn::Abs(hn::Sub(clipped, hn::Sub(raised, magic))), furthest);
    const hn::Rebind<uint32_t, D> d32;
    if constexpr (hn::MaxLanes(D()) > 1)
      hn::StoreU(hn::U8FromU32(hn::BitCast(d32, raised)), d8, to);
    else
      *to = static_cast<uint8_t>(hn::GetLane(hn::BitCast(d32, raised)));
    if (HWY_LIKELY(hn::AllFalse(d, is_close))) return;
    uint8_t bits[8] = {};
    hn::StoreMaskBits(d, is_close, bits);
    for (int64_t lane = 0; lane < static_cast<int64_t>(hn::Lanes(d)); ++lane)
      if (bits[lane / 8] >> (lane % 8) & 1) to[lane] = map.code_of_sum(sum_at(lane), c + lane);
  }
};

}  // namespace code_maps
using code_maps::CodeVectors;
using code_maps::MappedSums;
}  // namespace quantdyn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
