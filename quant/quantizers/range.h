// The interval of values that a quantizer must cover, and how many intervals a tensor has.
#pragma once

#include <algorithm>
#include <cstdint>

#include "framework/config/options.h"
#include "framework/graph/tap.h"

namespace quantdyn {

/// An interval of real values, low <= high, both finite.
struct Range {
  double low, high;

  friend bool operator==(const Range&, const Range&) = default;
};

/// `range` with its ends moved so that it holds zero.
Range widened_to_zero(const Range& range);

/// How a tensor's (output) channels share ranges, and so scales: an entry is what has one range.
class Granularity {
 public:
  static Granularity per_tensor() { return Granularity(0); }
  static Granularity per_channel() { return Granularity(1); }
  /// Entries of `channels` consecutive channels; the last may have fewer.
  static Granularity per_group(int64_t channels) { return Granularity(channels); }
  /// Reads the options `granularity` and `group_size` that every quantizer has.
  static Granularity read(const Options& options);

  bool is_per_tensor() const { return group_ == 0; }
  int64_t entries(int64_t channels) const {
    return is_per_tensor() ? 1 : (channels + group_ - 1) / group_;
  }
  int64_t entry_of(int64_t channel) const { return is_per_tensor() ? 0 : channel / group_; }
  /// Calls work(entry, part) for the parts of a tile that belong to one entry each.
  template <typename Work>
  void for_entries(const Tile& tile, const Work& work) const {
    for (int64_t c = 0; c < tile.channels;) {
      const int64_t entry = entry_of(tile.first_channel + c);
      const int64_t end =
          is_per_tensor() ? tile.channels : (entry + 1) * group_ - tile.first_channel;
      Tile part = tile;
      part.values += c;
      part.first_channel += c;
      part.channels = std::min(end, tile.channels) - c;
      work(entry, part);
      c += part.channels;
    }
  }

  friend bool operator==(const Granularity&, const Granularity&) = default;

 private:
  explicit Granularity(int64_t group) : group_(group) {}

  int64_t group_;  // channels of an entry; 0: all
};

}  // namespace quantdyn
