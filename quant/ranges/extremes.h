// The exact smallest and largest value of each channel, and a record of values that are not finite.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "framework/graph/tap.h"
#include "quant/quantizers/range.h"

namespace quantdyn {

/// Minimum and maximum by channel over everything that workers observed, in any order.
class Extremes {
 public:
  Extremes(std::string tensor, int64_t channels);

  void add(const Tile& tile);
  /// Per channel, over all workers. Throws Error (tensor, channel) if a value was NaN or
  /// infinite, or if a channel had no value.
  std::vector<Range> by_channel() const;
  /// The same, joined by entry.
  std::vector<Range> by_entry(const Granularity& granularity) const;

 private:
  struct Worker {
    std::vector<float> low, high;
    int64_t bad_chunk;  // the first chunk that holds a value that is not finite; its channel
    int64_t bad_channel = 0;
  };
  void note_not_finite(const Tile& tile, Worker& worker) const;
  void require_finite() const;

  std::string tensor_;
  int64_t channels_;
  std::vector<Worker> workers_;
};

}  // namespace quantdyn
