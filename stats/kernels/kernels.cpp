#include "stats/kernels/kernels.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "stats/kernels/kernels.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

// Compiled once for every instruction set. Channels are the lanes, and no load touches a value
// outside the tile.
HWY_BEFORE_NAMESPACE();
namespace quantdyn::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

constexpr size_t float_lanes = hn::MaxLanes(hn::ScalableTag<float>());
constexpr size_t double_lanes = hn::MaxLanes(hn::ScalableTag<double>());

// If a value is NaN, x86's Min and Max return the second operand, which is right here and takes
// half the time of a comparison; other processors' Min and Max may return the NaN.
constexpr bool x86_vectors = HWY_ARCH_X86 != 0 && HWY_TARGET != HWY_SCALAR;
template <class V>
HWY_INLINE V smaller(V x, V so_far) {
  if constexpr (x86_vectors) return hn::Min(x, so_far);
  return hn::IfThenElse(hn::Lt(x, so_far), x, so_far);
}
template <class V>
HWY_INLINE V larger(V x, V so_far) {
  if constexpr (x86_vectors) return hn::Max(x, so_far);
  return hn::IfThenElse(hn::Gt(x, so_far), x, so_far);
}

/// The running sums of `lanes` channels over a tile's rows.
template <class D>
class Powers {
  using V = hn::Vec<D>;

 public:
  HWY_INLINE Powers(D d, const MomentSums& from)
      : shift_(hn::LoadU(d, from.shift)),
        sum_(hn::LoadU(d, from.sum)),
        square_(hn::LoadU(d, from.square)),
        cube_(hn::LoadU(d, from.cube)),
        fourth_(hn::LoadU(d, from.fourth)),
        absolute_(hn::LoadU(d, from.absolute)) {}

  HWY_INLINE void add(D d, V x, V magnitude) {
    const V shifted = hn::Sub(x, shift_);
    const V power = hn::Mul(shifted, shifted);
    // x 1 + sum has the bits of x + sum, and leaves the adders free for the other sums.
    sum_ = hn::MulAdd(shifted, hn::Set(d, 1.0), sum_);
    square_ = hn::MulAdd(shifted, shifted, square_);
    cube_ = hn::MulAdd(power, shifted, cube_);
    fourth_ = hn::MulAdd(power, power, fourth_);
    absolute_ = hn::Add(magnitude, absolute_);
  }
  HWY_INLINE void store(D d, const MomentSums& to) const {
    hn::StoreU(sum_, d, to.sum);
    hn::StoreU(square_, d, to.square);
    hn::StoreU(cube_, d, to.cube);
    hn::StoreU(fourth_, d, to.fourth);
    hn::StoreU(absolute_, d, to.absolute);
  }

 private:
  V shift_, sum_, square_, cube_, fourth_, absolute_;
};

/// The operands' order keeps NaN.
template <FusedActivation activation, class D, class V>
HWY_INLINE V activate(D d, V x) {
  using T = decltype(hn::GetLane(x));
  constexpr Ends ends = ends_of(activation);
  const V raised = larger(hn::Set(d, static_cast<T>(ends.low)), x);
  if constexpr (ends.high < Activation::infinity)
    return smaller(hn::Set(d, static_cast<T>(ends.high)), raised);
  return raised;
}

/// Moments of `lanes` channels; all arrays have `lanes` entries, entry 0 is that of values[0].
template <FusedActivation activation, size_t lanes>
HWY_INLINE void moments_of_lanes(const float* values, int64_t rows, int64_t row_stride,
                                 const MomentSums& into, const MomentSums& of_activation) {
  const hn::CappedTag<double, lanes> wide;
  const hn::Rebind<float, decltype(wide)> narrow;
  constexpr bool has_activation = activation != FusedActivation::none;
  Powers powers(wide, into), active(wide, has_activation ? of_activation : into);
  auto minimum = hn::LoadU(narrow, into.minimum), maximum = hn::LoadU(narrow, into.maximum);
  for (int64_t row = 0; row < rows; ++row, values += row_stride) {
    const auto value = hn::LoadU(narrow, values);
    const auto x = hn::PromoteTo(wide, value);
    powers.add(wide, x, hn::Abs(x));
    if constexpr (has_activation) {
      const auto y = activate<activation>(wide, x);
      active.add(wide, y, y);
    }
    minimum = smaller(value, minimum);
    maximum = larger(value, maximum);
  }
  powers.store(wide, into);
  hn::StoreU(minimum, narrow, into.minimum);
  hn::StoreU(maximum, narrow, into.maximum);
  if constexpr (has_activation) {  // never decreases: the ends of x give those of y
    active.store(wide, of_activation);
    hn::StoreU(activate<activation>(narrow, minimum), narrow, of_activation.minimum);
    hn::StoreU(activate<activation>(narrow, maximum), narrow, of_activation.maximum);
  }
}

/// A few channels' sums in arrays of a whole vector.
template <size_t lanes>
struct FewSums {
  HWY_ALIGN double values[6][lanes] = {};
  HWY_ALIGN float ends[2][lanes] = {};

  FewSums(const MomentSums& from, int64_t count) {
    std::copy_n(from.shift, count, values[0]);
    copy(from, sums(), count);
  }
  MomentSums sums() {
    return {values[0], values[1], values[2], values[3], values[4], values[5], ends[0], ends[1]};
  }
  void store(const MomentSums& to, int64_t count) { copy(sums(), to, count); }

 private:
  static void copy(const MomentSums& from, const MomentSums& to, int64_t count) {
    std::copy_n(from.sum, count, to.sum);
    std::copy_n(from.square, count, to.square);
    std::copy_n(from.cube, count, to.cube);
    std::copy_n(from.fourth, count, to.fourth);
    std::copy_n(from.absolute, count, to.absolute);
    std::copy_n(from.minimum, count, to.minimum);
    std::copy_n(from.maximum, count, to.maximum);
  }
};

/// The tile's last channels, fewer than `lanes`. The rest of a vector belongs to the next row and
/// is dropped. If no row follows, values are added one by one.
template <FusedActivation activation, size_t lanes>
HWY_INLINE void moments_of_last(const Tile& tile, int64_t c, const MomentSums& into,
                                const MomentSums& of_activation) {
  const int64_t end = tile.rows * tile.channels - c, count = tile.channels - c;
  const bool is_dense = tile.row_stride == tile.channels;
  const int64_t step = static_cast<int64_t>(lanes);
  const int64_t rows = is_dense && end >= step ? (end - step) / tile.channels + 1 : 0;
  FewSums<lanes> some(into, count);
  FewSums<lanes> active(activation == FusedActivation::none ? into : of_activation, count);
  moments_of_lanes<activation, lanes>(tile.values + c, rows, tile.row_stride, some.sums(),
                                      active.sums());
  for (int64_t i = 0; i < count; ++i)
    moments_of_lanes<activation, 1>(tile.values + rows * tile.row_stride + c + i, tile.rows - rows,
                                    tile.row_stride, some.sums().from(i), active.sums().from(i));
  some.store(into, count);
  if (activation != FusedActivation::none) active.store(of_activation, count);
}

template <FusedActivation activation, size_t lanes>
HWY_INLINE void moments_from(int64_t c, const Tile& tile, const MomentSums& into,
                             const MomentSums& of_activation) {
  constexpr auto step = static_cast<int64_t>(lanes);
  for (; c + step <= tile.channels; c += step)
    moments_of_lanes<activation, lanes>(tile.values + c, tile.rows, tile.row_stride, into.from(c),
                                        of_activation.from(c));
  if (c == tile.channels) return;
  if constexpr (lanes > 2)
    if (tile.channels - c <= step / 2)
      return moments_from<activation, lanes / 2>(c, tile, into, of_activation);
  moments_of_last<activation, lanes>(tile, c, into.from(c), of_activation.from(c));
}
void add_moments(const Tile& tile, const MomentSums& into) {
  moments_from<FusedActivation::none, double_lanes>(0, tile, into, into);
}
void add_moments_of_activation(const Tile& tile, FusedActivation activation, const MomentSums& into,
                               const MomentSums& of_activation) {
  if (activation == FusedActivation::relu)
    moments_from<FusedActivation::relu, double_lanes>(0, tile, into, of_activation);
  else
    moments_from<FusedActivation::relu6, double_lanes>(0, tile, into, of_activation);
}
bool rounds_products_once() { return HWY_NATIVE_FMA; }

void widen_range(const float* values, int64_t count, float& minimum, float& maximum) {
  const hn::CappedTag<float, float_lanes> d;
  constexpr auto step = static_cast<int64_t>(float_lanes);
  auto low = hn::Set(d, minimum);
  auto high = hn::Set(d, maximum);
  int64_t i = 0;
  for (; i + step <= count; i += step) {
    const auto x = hn::LoadU(d, values + i);
    low = smaller(x, low);
    high = larger(x, high);
  }
  HWY_ALIGN float lows[float_lanes];
  HWY_ALIGN float highs[float_lanes];
  hn::Store(low, d, lows);
  hn::Store(high, d, highs);
  minimum = *std::min_element(lows, lows + step);
  maximum = *std::max_element(highs, highs + step);
  reference::widen_range(values + i, count - i, minimum, maximum);
}

}  // namespace quantdyn::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace quantdyn::kernels {

HWY_EXPORT(add_moments);
HWY_EXPORT(add_moments_of_activation);
HWY_EXPORT(rounds_products_once);
HWY_EXPORT(widen_range);

void add_moments(const Tile& tile, const MomentSums& into) {
  HWY_DYNAMIC_DISPATCH(add_moments)(tile, into);
}
void add_moments_of_activation(const Tile& tile, FusedActivation activation, const MomentSums& into,
                               const MomentSums& of_activation) {
  HWY_DYNAMIC_DISPATCH(add_moments_of_activation)(tile, activation, into, of_activation);
}
bool rounds_products_once() { return HWY_DYNAMIC_DISPATCH(rounds_products_once)(); }
void widen_range(const float* values, int64_t count, float& minimum, float& maximum) {
  HWY_DYNAMIC_DISPATCH(widen_range)(values, count, minimum, maximum);
}

}  // namespace quantdyn::kernels
#endif
