// The interval of values that a quantizer must cover, and how many of them a tensor has.
#pragma once

#include <cstdint>

#include "framework/options.h"

namespace quantdyn {

/// An interval of real values, low <= high, both finite.
struct Range {
  double low, high;

  friend bool operator==(const Range&, const Range&) = default;
};

/// How many ranges, and so scales, a tensor gets: one, or one for each (output) channel.
enum class Granularity { per_tensor, per_channel };

/// Reads the option `granularity` that every quantizer has.
Granularity read_granularity(const Options& options);

/// Ranges of a tensor with `channels` channels.
inline int64_t range_count(Granularity granularity, int64_t channels) {
  return granularity == Granularity::per_tensor ? 1 : channels;
}

/// `range` with its ends moved so that it holds zero.
Range widened_to_zero(const Range& range);

}  // namespace quantdyn
