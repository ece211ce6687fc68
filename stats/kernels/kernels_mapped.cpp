#include <algorithm>
#include <cstring>

#include "stats/kernels/kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "stats/kernels/kernels_mapped.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

// Compiled once for every instruction set; channels are the lanes. Two rows are taken at once, as
// a bin needs half the bits of a value.
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
using Pair = hn::Vec<Narrow>;  // of two rows, in the order that pack() gives

HWY_INLINE Pair pack(Bits first, Bits second) {
  return hn::ReorderDemote2To(Narrow(), first, second);
}

/// One or two rows of up to `lanes` channels.
struct TwoRows {
  const float* values;
  int64_t row_stride, rows, channels;
  bool is_whole;  // whole vectors may be loaded; what follows the channels is unused

  HWY_INLINE TwoRows(const Tile& tile, int64_t row, int64_t c)
      : values(tile.values + row * tile.row_stride + c),
        row_stride(tile.row_stride),
        rows(std::min<int64_t>(2, tile.rows - row)),
        channels(std::min(step, tile.channels - c)),
        is_whole(rows == 2 &&
                 (channels == step || (tile.rows - row - 2) * tile.row_stride >= step)) {}

  HWY_INLINE Bits first() const { return load(0); }
  HWY_INLINE Bits second() const { return load(1); }
  float at(int64_t row, int64_t c) const { return values[row * row_stride + c]; }

 private:
  HWY_INLINE Bits load(int64_t row) const {
    const hn::Rebind<float, Wide> d;
    if (HWY_LIKELY(is_whole)) return hn::BitCast(Wide(), hn::LoadU(d, values + row * row_stride));
    HWY_ALIGN float some[lanes] = {};
    if (row < rows) std::copy_n(values + row * row_stride, channels, some);
    return hn::BitCast(Wide(), hn::Load(d, some));
  }
};

/// LogBins::index - LogBins::zero of finite values. Packing saturates, which preserves a value's
/// sign and whether it is 0.
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
  /// The bins, negated where `turn` is -1.
  HWY_INLINE Found find(const TwoRows& rows, Pair turn) const {
    const auto mask = hn::Set(Wide(), 0x7fffffff);
    const Bits all_first = rows.first(), all_second = rows.second();
    const Bits first = hn::And(all_first, mask), second = hn::And(all_second, mask);
    const Pair steps = pack(hn::ShiftRightSame(first, shift_), hn::ShiftRightSame(second, shift_));
    const Pair regular = hn::Sub(hn::Min(hn::Max(steps, first_), last_), zero_);
    const Pair from_zero = hn::Min(regular, pack(first, second));
    const Pair sign = hn::Xor(hn::BroadcastSignBit(pack(all_first, all_second)), turn);
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

/// For each entry of a pair, its channel and which of the two rows it is from.
struct Order {
  HWY_ALIGN int16_t source[2 * lanes];

  HWY_INLINE Order() {
    const auto first = hn::Iota(Wide(), 0);
    hn::Store(pack(first, hn::Add(first, hn::Set(Wide(), static_cast<int32_t>(step)))), Narrow(),
              source);
  }
  /// Calls work(entry, row, channel) for the entries that exist.
  template <typename Work>
  HWY_INLINE void for_each(const TwoRows& rows, const Work& work) const {
    for (int64_t i = 0; i < 2 * step; ++i)
      if (source[i] / step < rows.rows && source[i] % step < rows.channels)
        work(i, source[i] / step, source[i] % step);
  }
};

HWY_NOINLINE void find_each_bin(const TwoRows& rows, const LogBins& bins, int16_t* to) {
  Order().for_each(rows, [&](int64_t i, int64_t row, int64_t c) {
    to[i] = static_cast<int16_t>(bins.index(rows.at(row, c)) - bins.zero());
  });
}

void find_signed_bins(const Tile& tile, const LogBins& bins, const PlaceTable& to) {
  const SignedBins signed_bins(bins);
  for (int64_t c = 0; c < tile.channels; c += step) {
    auto* at = reinterpret_cast<int16_t*>(to.of_channel(c));
    for (int64_t row = 0; row < tile.rows; row += 2, at += places_a_pair) {
      const TwoRows rows(tile, row, c);
      const auto found = signed_bins.find(rows, hn::Zero(Narrow()));
      hn::StoreU(found.bins, Narrow(), at);
      if (HWY_UNLIKELY(!found.are_finite)) find_each_bin(rows, bins, at);
    }
  }
}

/// The cells of up to `lanes` channels.
class CellFinder {
 public:
  HWY_INLINE CellFinder(const MappedCells& cells, const int32_t* turns, int64_t lane,
                        uint16_t* counts)
      : cells_(cells), signed_bins_(cells.bins), turns_(turns), lane_(lane), counts_(counts) {
    const auto origin =
        hn::Iota(Wide(), static_cast<int32_t>(cells.origin() * channel_group + lane));
    origin_ = pack(origin, origin);
    turn_ = pack(hn::LoadU(Wide(), turns), hn::LoadU(Wide(), turns));
  }

  HWY_INLINE void find(const TwoRows& rows, uint16_t* places) const {
    const auto found = signed_bins_.find(rows, turn_);
    if (HWY_UNLIKELY(!found.are_finite || rows.rows == 1)) return find_each(rows, places);
    auto* const sums = reinterpret_cast<int16_t*>(places);
    const auto sum = hn::Add(hn::LoadU(Narrow(), sums), found.bins);
    hn::StoreU(hn::Add(hn::ShiftLeft<4>(sum), origin_), Narrow(), sums);
  }

 private:
  HWY_NOINLINE void find_each(const TwoRows& rows, uint16_t* places) const {
    int16_t sources[2 * lanes];
    std::copy_n(reinterpret_cast<const int16_t*>(places), 2 * step, sources);
    std::fill_n(places, 2 * step, static_cast<uint16_t>(cells_.nowhere() * channel_group));
    Order().for_each(rows, [&](int64_t i, int64_t row, int64_t c) {
      places[i] =
          reference::place_of(cells_, sources[i], rows.at(row, c), turns_[c], lane_ + c, counts_);
    });
  }

  const MappedCells cells_;
  const SignedBins signed_bins_;
  const int32_t* const turns_;
  const int64_t lane_;
  uint16_t* const counts_;
  Pair turn_, origin_;
};

/// Loads four places at once: after the one store per count, loads are the bottleneck. pack()
/// alternates the rows by four. The first row goes first: neighbouring pixels often have the same
/// counter, and one must not wait for the other.
HWY_INLINE void count_pair(const uint16_t* places, uint16_t* counts) {
  for (int64_t row = 0; row < 2; ++row)
    for (int64_t i = 4 * row; i < 2 * step; i += 8) {
      uint64_t four;
      std::memcpy(&four, places + i, sizeof(four));
      ++counts[four & 0xffff];
      ++counts[four >> 16 & 0xffff];
      ++counts[four >> 32 & 0xffff];
      ++counts[four >> 48];
    }
}

void find_cells(const Tile& tile, const MappedCells& cells, const int32_t* turns,
                const PlaceTable& places, uint16_t* counts) {
  constexpr int64_t ahead = 8;  // while the processor waits for counts, it finds more places
  const int64_t pairs = (tile.rows + 1) / 2;
  for (int64_t c = 0; c < tile.channels; c += step) {
    const int64_t lane = c % channel_group;
    uint16_t* const of_group = counts + (c - lane) * cells.size();
    const CellFinder finder(cells, turns + c, lane, of_group);
    uint16_t* const place = places.of_channel(c);
    const bool now = places.waiting_pairs >= 0;
    for (int64_t pair = -places.waiting_pairs; pair < 0; ++pair)
      count_pair(place + pair * places_a_pair, of_group);
    for (int64_t pair = 0; pair < pairs; ++pair) {
      finder.find({tile, 2 * pair, c}, place + pair * places_a_pair);
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
