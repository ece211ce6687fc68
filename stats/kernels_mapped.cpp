#include <algorithm>

#include "stats/kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "stats/kernels_mapped.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

// Compiled once for every instruction set; channels are the lanes. Two rows are taken at once, as
// bins need half the bits of values.
HWY_BEFORE_NAMESPACE();
namespace quantdyn::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

#if HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_EMU128
void find_signed_bins(const Tile& tile, const LogBins& bins, const PlaceTable& to) {
  reference::find_signed_bins(tile, bins, to);
}
void find_cells(const Tile& tile, const MappedCells& cells, const int32_t* turns,
                const PlaceTable& places, uint16_t* counts) {
  reference::find_cells(tile, cells, turns, places, counts);
}
#else

constexpr size_t lanes = std::min<size_t>(hn::MaxLanes(hn::ScalableTag<float>()), channel_group);
constexpr auto step = static_cast<int64_t>(lanes);
using Wide = hn::CappedTag<int32_t, lanes>;
using Narrow = hn::Repartition<int16_t, Wide>;
using Bits = hn::Vec<Wide>;
using Pair = hn::Vec<Narrow>;  // of two rows, in whatever order pack() brings them

HWY_INLINE Pair pack(Bits first, Bits second) {
  return hn::ReorderDemote2To(Narrow(), first, second);
}

/// Two rows of up to `lanes` channels; zeros where no more are.
struct TwoRows {
  Bits first, second;

  HWY_INLINE TwoRows(const float* values, int64_t row_stride, int64_t rows, int64_t channels)
      : first(hn::Zero(Wide())), second(hn::Zero(Wide())) {
    const hn::Rebind<float, Wide> d;
    if (HWY_LIKELY(rows == 2 && channels == step)) {
      first = hn::BitCast(Wide(), hn::LoadU(d, values));
      second = hn::BitCast(Wide(), hn::LoadU(d, values + row_stride));
      return;
    }
    HWY_ALIGN float some[2 * lanes] = {};
    std::copy_n(values, channels, some);
    if (rows == 2) std::copy_n(values + row_stride, channels, some + step);
    first = hn::BitCast(Wide(), hn::Load(d, some));
    second = hn::BitCast(Wide(), hn::Load(d, some + step));
  }
};

/// LogBins::index - LogBins::zero of finite values. Packing saturates, which keeps a value's sign
/// and whether it is 0.
class SignedBins {
 public:
  HWY_INLINE explicit SignedBins(const LogBins& bins)
      : shift_(23 - bins.mantissa_bits),
        infinity_(set(LogBins::infinity_bits >> shift_)),
        first_(set(bins.first_step() - 1)),
        last_(set(bins.first_step() + bins.per_sign())),
        zero_(set(bins.first_step() - 2)) {}

  struct Found {
    Pair bins;
    bool are_finite;
  };
  /// Negated where `turn` is -1.
  HWY_INLINE Found find(const TwoRows& rows, Pair turn) const {
    const auto mask = hn::Set(Wide(), 0x7fffffff);
    const Bits first = hn::And(rows.first, mask), second = hn::And(rows.second, mask);
    const Pair steps = pack(hn::ShiftRightSame(first, shift_), hn::ShiftRightSame(second, shift_));
    const Pair regular = hn::Sub(hn::Min(hn::Max(steps, first_), last_), zero_);
    const Pair from_zero = hn::Min(regular, pack(first, second));
    const Pair sign = hn::Xor(hn::BroadcastSignBit(pack(rows.first, rows.second)), turn);
    return {hn::Sub(hn::Xor(from_zero, sign), sign),
            hn::AllTrue(Narrow(), hn::Lt(steps, infinity_))};
  }

 private:
  static HWY_INLINE Pair set(int32_t value) {
    return hn::Set(Narrow(), static_cast<int16_t>(value));
  }
  int shift_;
  Pair infinity_, first_, last_, zero_;
};

/// Of each entry of a pair, which one of the two rows' channels it is.
struct Order {
  HWY_ALIGN int16_t source[2 * lanes];

  HWY_INLINE Order() {
    const auto first = hn::Iota(Wide(), 0);
    hn::Store(pack(first, hn::Add(first, hn::Set(Wide(), static_cast<int32_t>(step)))), Narrow(),
              source);
  }
  /// Calls work(entry, row, channel) for those that are there.
  template <typename Work>
  HWY_INLINE void for_each(int64_t rows, int64_t channels, const Work& work) const {
    for (int64_t i = 0; i < 2 * step; ++i)
      if (source[i] / step < rows && source[i] % step < channels)
        work(i, source[i] / step, source[i] % step);
  }
};

HWY_NOINLINE void find_each_bin(const float* values, int64_t row_stride, int64_t rows,
                                int64_t channels, const LogBins& bins, int16_t* to) {
  Order().for_each(rows, channels, [&](int64_t i, int64_t row, int64_t c) {
    to[i] = static_cast<int16_t>(bins.index(values[row * row_stride + c]) - bins.zero());
  });
}

void find_signed_bins(const Tile& tile, const LogBins& bins, const PlaceTable& to) {
  const SignedBins signed_bins(bins);
  for (int64_t c = 0; c < tile.channels; c += step) {
    auto* at = reinterpret_cast<int16_t*>(to.of_channel(c));
    const int64_t channels = std::min(step, tile.channels - c);
    const float* values = tile.values + c;
    for (int64_t row = 0; row < tile.rows; row += 2) {
      const int64_t rows = std::min<int64_t>(2, tile.rows - row);
      const auto found =
          signed_bins.find({values, tile.row_stride, rows, channels}, hn::Zero(Narrow()));
      hn::StoreU(found.bins, Narrow(), at);
      if (HWY_UNLIKELY(!found.are_finite))
        find_each_bin(values, tile.row_stride, rows, channels, bins, at);
      values += 2 * tile.row_stride;
      at += places_a_pair;
    }
  }
}

/// The cells of up to `lanes` channels.
class CellFinder {
 public:
  HWY_INLINE CellFinder(const MappedCells& cells, const int32_t* turns, int64_t lane,
                        int64_t channels, uint16_t* counts)
      : cells_(cells),
        signed_bins_(cells.bins),
        turns_(turns),
        lane_(lane),
        channels_(channels),
        counts_(counts) {
    const auto origin =
        hn::Iota(Wide(), static_cast<int32_t>(cells.origin() * channel_group + lane));
    origin_ = pack(origin, origin);
    turn_ = pack(hn::LoadU(Wide(), turns), hn::LoadU(Wide(), turns));
  }

  HWY_INLINE void find(const float* values, int64_t row_stride, int64_t rows,
                       uint16_t* places) const {
    const auto found = signed_bins_.find({values, row_stride, rows, channels_}, turn_);
    if (HWY_UNLIKELY(!found.are_finite || rows == 1))
      return find_each(values, row_stride, rows, places);
    auto* const sums = reinterpret_cast<int16_t*>(places);
    const auto sum = hn::Add(hn::LoadU(Narrow(), sums), found.bins);
    hn::StoreU(hn::Add(hn::ShiftLeft<4>(sum), origin_), Narrow(), sums);
  }

 private:
  HWY_NOINLINE void find_each(const float* values, int64_t row_stride, int64_t rows,
                              uint16_t* places) const {
    const Order order;
    int16_t sources[2 * lanes];
    std::copy_n(reinterpret_cast<const int16_t*>(places), 2 * step, sources);
    std::fill_n(places, 2 * step, static_cast<uint16_t>(cells_.nowhere() * channel_group));
    order.for_each(rows, channels_, [&](int64_t i, int64_t row, int64_t c) {
      places[i] = reference::place_of(cells_, sources[i], values[row * row_stride + c], turns_[c],
                                      lane_ + c, counts_);
    });
  }

  const MappedCells cells_;
  const SignedBins signed_bins_;
  const int32_t* const turns_;
  const int64_t lane_, channels_;
  uint16_t* const counts_;
  Pair turn_, origin_;
};

/// One row behind the other where pack() takes turns by four channels: a channel's counts of
/// neighbouring pixels are often the same, and one must not wait for the other.
HWY_INLINE void count_pair(const uint16_t* places, uint16_t* counts) {
  constexpr int64_t turn = std::min<int64_t>(4, step);
  for (int64_t half = 0; half < 2; ++half)
    for (int64_t i = 0; i < step; ++i)
      ++counts[places[half * turn + i / turn * 2 * turn + i % turn]];
}

void find_cells(const Tile& tile, const MappedCells& cells, const int32_t* turns,
                const PlaceTable& places, uint16_t* counts) {
  constexpr int64_t ahead = 2;  // while the processor waits for counts it finds more places
  const int64_t pairs = (tile.rows + 1) / 2;
  for (int64_t c = 0; c < tile.channels; c += step) {
    const int64_t lane = c % channel_group;
    uint16_t* const of_group = counts + (c - lane) * cells.size();
    const CellFinder finder(cells, turns + c, lane, std::min(step, tile.channels - c), of_group);
    uint16_t* const place = places.of_channel(c);
    const bool now = places.waiting_pairs >= 0;
    for (int64_t pair = -places.waiting_pairs; pair < 0; ++pair)
      count_pair(place + pair * places_a_pair, of_group);
    for (int64_t pair = 0; pair < pairs; ++pair) {
      finder.find(tile.values + c + 2 * pair * tile.row_stride, tile.row_stride,
                  std::min<int64_t>(2, tile.rows - 2 * pair), place + pair * places_a_pair);
      if (now && pair >= ahead) count_pair(place + (pair - ahead) * places_a_pair, of_group);
    }
    for (int64_t pair = std::max<int64_t>(pairs - ahead, 0); now && pair < pairs; ++pair)
      count_pair(place + pair * places_a_pair, of_group);
  }
}

#endif

}  // namespace quantdyn::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace quantdyn::kernels {

HWY_EXPORT(find_signed_bins);
HWY_EXPORT(find_cells);

void find_signed_bins(const Tile& tile, const LogBins& bins, const PlaceTable& to) {
  HWY_DYNAMIC_DISPATCH(find_signed_bins)(tile, bins, to);
}
void find_cells(const Tile& tile, const MappedCells& cells, const int32_t* turns,
                const PlaceTable& places, uint16_t* counts) {
  HWY_DYNAMIC_DISPATCH(find_cells)(tile, cells, turns, places, counts);
}

}  // namespace quantdyn::kernels
#endif
