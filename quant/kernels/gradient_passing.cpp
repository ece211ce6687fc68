#include "quant/kernels/gradient_passing.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quant/kernels/gradient_passing.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace quantdyn::HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

/// Sums in double of vectors of floats, one for each lane.
template <class D>
class LaneSums {
#if HWY_TARGET == HWY_SCALAR  // has no half vectors
 public:
  explicit LaneSums(double* to) : to_(to) {}
  HWY_INLINE void add_product(D, hn::Vec<D> a, hn::Vec<D> b) {
    *to_ += static_cast<double>(hn::GetLane(a)) * static_cast<double>(hn::GetLane(b));
  }
  HWY_INLINE void add(D, hn::Vec<D> a) { *to_ += static_cast<double>(hn::GetLane(a)); }
  HWY_INLINE void store() {}

 private:
  double* to_;
#else
  static constexpr bool is_one = hn::MaxLanes(D()) == 1;
  using Part = std::conditional_t<is_one, D, hn::Half<D> >;
  using Doubles = hn::Rebind<double, Part>;
  using V = hn::Vec<Doubles>;

 public:
  explicit HWY_INLINE LaneSums(double* to) : to_(to), low_(hn::LoadU(Doubles(), to)), high_(low_) {
    if constexpr (!is_one) high_ = hn::LoadU(Doubles(), to + hn::Lanes(Doubles()));
  }
  /// A product of two floats is exact in double.
  HWY_INLINE void add_product(D d, hn::Vec<D> a, hn::Vec<D> b) {
    low_ = hn::MulAdd(low(d, a), low(d, b), low_);
    if constexpr (!is_one) high_ = hn::MulAdd(high(d, a), high(d, b), high_);
  }
  HWY_INLINE void add(D d, hn::Vec<D> a) {
    low_ = hn::Add(low_, low(d, a));
    if constexpr (!is_one) high_ = hn::Add(high_, high(d, a));
  }
  HWY_INLINE void store() {
    hn::StoreU(low_, Doubles(), to_);
    if constexpr (!is_one) hn::StoreU(high_, Doubles(), to_ + hn::Lanes(Doubles()));
  }

 private:
  static HWY_INLINE V low(D, hn::Vec<D> a) {
    if constexpr (is_one)
      return hn::PromoteTo(Doubles(), a);
    else
      return hn::PromoteTo(Doubles(), hn::LowerHalf(Part(), a));
  }
  static HWY_INLINE V high(D, hn::Vec<D> a) {
    return hn::PromoteTo(Doubles(), hn::UpperHalf(Part(), a));
  }
  double* to_;
  V low_, high_;
#endif
};

/// The channels of one vector, all rows.
template <RangeSums wanted, class D>
HWY_INLINE void pass_channels(D d, const QuantizedRows& r, int64_t c, float* to, bool adds,
                              double* sums) {
  const auto lowest = hn::LoadU(d, r.lowest + c), highest = hn::LoadU(d, r.highest + c);
  LaneSums<D> sum(sums + c);
  for (int64_t row = 0, i = c; row < r.rows; ++row, i += r.row_stride) {
    const auto value = hn::LoadU(d, r.values + i), dy = hn::LoadU(d, r.dy + i);
    const auto is_inside = hn::And(hn::Ge(value, lowest), hn::Le(value, highest));
    if constexpr (wanted == RangeSums::of_step)
      sum.add_product(d, dy,
                      hn::Sub(hn::LoadU(d, r.quantized + i), hn::IfThenElseZero(is_inside, value)));
    if constexpr (wanted == RangeSums::of_clip)
      sum.add(d, hn::IfThenElseZero(hn::Gt(value, highest), dy));
    if (to == nullptr) continue;
    const auto passed = hn::IfThenElseZero(is_inside, dy);
    hn::StoreU(adds ? hn::Add(hn::LoadU(d, to + i), passed) : passed, d, to + i);
  }
  if constexpr (wanted != RangeSums::none) sum.store();
}

template <RangeSums wanted>
void pass_rows(const QuantizedRows& rows, float* to, bool adds, double* sums) {
  const hn::ScalableTag<float> wide;
  const hn::CappedTag<float, 1> narrow;
  const auto lanes = static_cast<int64_t>(hn::Lanes(wide));
  int64_t c = 0;
  for (; c + lanes <= rows.channels; c += lanes)
    pass_channels<wanted>(wide, rows, c, to, adds, sums);
  for (; c < rows.channels; ++c) pass_channels<wanted>(narrow, rows, c, to, adds, sums);
}

}  // namespace

void pass(const QuantizedRows& rows, RangeSums wanted, float* to, bool adds, double* sums) {
  switch (wanted) {
    case RangeSums::none:
      return pass_rows<RangeSums::none>(rows, to, adds, sums);
    case RangeSums::of_step:
      return pass_rows<RangeSums::of_step>(rows, to, adds, sums);
    case RangeSums::of_clip:
      return pass_rows<RangeSums::of_clip>(rows, to, adds, sums);
  }
}

}  // namespace quantdyn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace quantdyn {

HWY_EXPORT(pass);

void pass_gradient(const QuantizedRows& rows, RangeSums wanted, float* to, Accumulate accumulate,
                   double* sums) {
  HWY_DYNAMIC_DISPATCH(pass)(rows, wanted, to, accumulate == Accumulate::yes, sums);
}

}  // namespace quantdyn
#endif
