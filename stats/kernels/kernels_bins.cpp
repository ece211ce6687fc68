#include <algorithm>

#include "stats/kernels/kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "stats/kernels/kernels_bins.cpp"
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

// Compiled once for every instruction set; channels are the lanes. The one store per value bounds
// the time; finding the places overlaps with it.
HWY_BEFORE_NAMESPACE();
namespace quantdyn::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

constexpr size_t float_lanes = hn::MaxLanes(hn::ScalableTag<float>());
static_assert(channel_group == 1 << 4);

/// LogBins::index for finite values, given their bits.
template <class D, class V>
HWY_INLINE V finite_bin(D d, V bits, const LogBins& bins) {
  const V magnitude = hn::And(bits, hn::Set(d, 0x7fffffff));
  V step = hn::ShiftRightSame(magnitude, 23 - bins.mantissa_bits);
  step = hn::Max(step, hn::Set(d, bins.first_step() - 1));
  step = hn::Min(step, hn::Set(d, bins.first_step() + bins.per_sign()));
  V from_zero = hn::Sub(step, hn::Set(d, bins.first_step() - 2));
  from_zero = hn::Min(from_zero, magnitude);  // 0; every other magnitude is larger than its bin
  const V zero = hn::Set(d, bins.zero());
  return hn::IfThenElse(hn::Lt(bits, hn::Zero(d)), hn::Sub(zero, from_zero),
                        hn::Add(zero, from_zero));
}
template <class D, class V>
HWY_INLINE bool all_finite(D d, V bits) {
  const V magnitude = hn::And(bits, hn::Set(d, 0x7fffffff));
  return hn::AllTrue(d, hn::Lt(magnitude, hn::Set(d, LogBins::infinity_bits)));
}

/// Writes the places of `lanes` values: their bins, shifted left, plus `offset`.
template <int shift = 0, class D, class V>
HWY_INLINE void find_places(D d, const float* values, V offset, const LogBins& bins,
                            int32_t* places) {
  const hn::Rebind<float, D> d_float;
  const auto bits = hn::BitCast(d, hn::LoadU(d_float, values));
  hn::StoreU(hn::Add(hn::ShiftLeft<shift>(finite_bin(d, bits, bins)), offset), d, places);
  if (HWY_LIKELY(all_finite(d, bits))) return;
  HWY_ALIGN int32_t offsets[hn::MaxLanes(d)];
  hn::Store(offset, d, offsets);
  for (size_t i = 0; i < hn::MaxLanes(d); ++i)
    places[i] = offsets[i] + (bins.index(values[i]) << shift);
}

/// Some places that have been found; their counters start at `first`.
template <typename Count>
struct Found {
  Count* first = nullptr;
  const int32_t* places = nullptr;
  int64_t rows = 0;
};
template <size_t lanes, typename Count>
HWY_INLINE void count(const Found<Count>& found) {
  constexpr auto step = static_cast<int64_t>(lanes);
  for (int64_t row = 0; row < found.rows; ++row)
    for (int64_t i = 0; i < step; ++i) ++found.first[found.places[row * step + i]];
}

// Few rows at once: while the processor waits for counters, it already finds the next places.
constexpr int64_t rows_at_once = 8;
// A tile of at most this many rows has many channels; their counters have left the cache again.
constexpr int64_t rows_of_cold_tile = 16;

template <size_t lanes, typename Count>
HWY_INLINE void bins_from(int64_t c, const Tile& tile, const LogBins& bins, Count* counts,
                          int64_t per_channel) {
  constexpr auto step = static_cast<int64_t>(lanes);
  const hn::CappedTag<int32_t, lanes> d;
  HWY_ALIGN int32_t places[2][rows_at_once * step];
  const auto offset = hn::Mul(hn::Iota(d, 0), hn::Set(d, static_cast<int32_t>(per_channel)));
  Found<Count> last;  // counted after the next places are found; its counters have arrived by then
  int turn = 0;
  for (; c + step <= tile.channels; c += step) {
    const float* values = tile.values + c;
    for (int64_t done = 0; done < tile.rows; done += rows_at_once, turn = 1 - turn) {
      int32_t* const to = places[turn];
      const Found<Count> found{counts + c * per_channel, to,
                               std::min(rows_at_once, tile.rows - done)};
      for (int64_t row = 0; row < found.rows; ++row, values += tile.row_stride)
        find_places(d, values, offset, bins, to + row * step);
      for (int64_t i = 0; tile.rows <= rows_of_cold_tile && i < found.rows * step; ++i)
        hwy::Prefetch(found.first + to[i]);
      count<lanes>(last);
      last = found;
    }
  }
  count<lanes>(last);
  if constexpr (lanes > 1) bins_from<lanes / 2>(c, tile, bins, counts, per_channel);
}

/// Fewer channels than lanes: the values are read as one long row in which the channels repeat.
template <size_t lanes, int shift = 0, typename Count>
HWY_INLINE void narrow_bins(const Tile& tile, const LogBins& bins, Count* counts,
                            int64_t channel_stride) {
  constexpr auto step = static_cast<int64_t>(lanes);
  const hn::CappedTag<int32_t, lanes> d;
  HWY_ALIGN int32_t places[step * step];
  int64_t row = 0;
  for (; row + step <= tile.rows; row += step) {
    for (int64_t i = 0; i < tile.channels; ++i)
      find_places<shift>(d, tile.values + row * tile.channels + i * step, hn::Zero(d), bins,
                         places + i * step);
    for (int64_t i = 0; i < step; ++i)
      for (int64_t c = 0; c < tile.channels; ++c)
        ++counts[c * channel_stride + places[i * tile.channels + c]];
  }
  for (; row < tile.rows; ++row)
    for (int64_t c = 0; c < tile.channels; ++c)
      ++counts[c * channel_stride + (bins.index(tile.values[row * tile.channels + c]) << shift)];
}

template <typename Count>
HWY_INLINE void bins_of_tile(const Tile& tile, const LogBins& bins, Count* counts,
                             int64_t per_channel) {
  if (tile.rows == 0) return;  // its values may have no address
  if (tile.channels < static_cast<int64_t>(float_lanes) && tile.row_stride == tile.channels)
    narrow_bins<float_lanes>(tile, bins, counts, per_channel);
  else
    bins_from<float_lanes>(0, tile, bins, counts, per_channel);
}
void count_bins_32(const Tile& tile, const LogBins& bins, uint32_t* counts, int64_t per_channel) {
  bins_of_tile(tile, bins, counts, per_channel);
}
void count_bins_64(const Tile& tile, const LogBins& bins, uint64_t* counts, int64_t per_channel) {
  bins_of_tile(tile, bins, counts, per_channel);
}

/// Counts of 16 channels are side by side, so that the same bin of these channels is in one cache
/// line. Each vector finds the next rows' places while the last ones are counted.
template <size_t lanes>
HWY_INLINE void count_together(const float* values, int64_t rows, int64_t row_stride,
                               const LogBins& bins, uint16_t* counts) {
  constexpr auto step = static_cast<int64_t>(lanes);
  constexpr int64_t at_once = 4;
  const hn::CappedTag<int32_t, lanes> d;
  HWY_ALIGN int32_t places[2][at_once * step];
  Found<uint16_t> last;
  for (int64_t done = 0, turn = 0; done < rows; done += at_once, turn = 1 - turn) {
    const Found<uint16_t> found{counts, places[turn], std::min(at_once, rows - done)};
    for (int64_t row = 0; row < found.rows; ++row, values += row_stride)
      find_places<4>(d, values, hn::Iota(d, 0), bins, places[turn] + row * step);
    count<lanes>(last);
    last = found;
  }
  count<lanes>(last);
}

/// Counts from channel c on with the widest vector that fits; returns how many channels it took.
template <size_t lanes>
HWY_INLINE int64_t count_next(int64_t c, const Tile& tile, const LogBins& bins, uint16_t* counts) {
  constexpr auto step = static_cast<int64_t>(lanes);
  const int64_t channel = tile.first_channel + c, lane = channel % channel_group;
  if constexpr (lanes > 1)
    if (lane % step != 0 || tile.channels - c < step)
      return count_next<lanes / 2>(c, tile, bins, counts);
  count_together<lanes>(tile.values + c, tile.rows, tile.row_stride, bins,
                        counts + (channel - lane) * bins.size() + lane);
  return step;
}

void count_channels(const Tile& tile, const LogBins& bins, uint16_t* counts) {
  constexpr size_t lanes = std::min<size_t>(float_lanes, channel_group);
  if (tile.channels < static_cast<int64_t>(lanes) && tile.row_stride == tile.channels &&
      tile.first_channel + tile.channels <= channel_group)
    return narrow_bins<lanes, 4>(tile, bins, counts + tile.first_channel, 1);
  for (int64_t c = 0; c < tile.channels;) c += count_next<lanes>(c, tile, bins, counts);
}

}  // namespace quantdyn::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace quantdyn::kernels {

HWY_EXPORT(count_bins_32);
HWY_EXPORT(count_bins_64);
HWY_EXPORT(count_channels);

void count_bins(const Tile& tile, const LogBins& bins, uint32_t* counts, int64_t per_channel) {
  HWY_DYNAMIC_DISPATCH(count_bins_32)(tile, bins, counts, per_channel);
}
void count_bins(const Tile& tile, const LogBins& bins, uint64_t* counts, int64_t per_channel) {
  HWY_DYNAMIC_DISPATCH(count_bins_64)(tile, bins, counts, per_channel);
}

void count_channels(const Tile& tile, const LogBins& bins, uint16_t* counts) {
  HWY_DYNAMIC_DISPATCH(count_channels)(tile, bins, counts);
}

}  // namespace quantdyn::kernels
#endif
