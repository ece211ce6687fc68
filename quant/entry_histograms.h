// Fine log-linear histograms of a tensor, one for each entry: what many range estimators stand on.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "quant/extremes.h"
#include "stats/log_histogram.h"

namespace quantdyn {

/// Bins of 1/128 octave and the exact ends, by entry of a granularity; the same for any order.
class EntryHistograms {
 public:
  static constexpr LogBins bins{.mantissa_bits = 7};

  EntryHistograms(std::string tensor, int64_t channels, const Granularity& granularity);

  /// Workers may add tiles at the same time.
  void add(const Tile& tile);
  int64_t entries() const { return granularity_.entries(channels_); }
  /// The exact ends by entry. Throws Error as Extremes::by_channel().
  std::vector<Range> ends() const { return extremes_.by_entry(granularity_); }
  /// All workers' values by entry, the ends exact. Throws Error as ends().
  std::vector<LogHistogram> histograms() const;

 private:
  int64_t channels_;
  Granularity granularity_;
  Extremes extremes_;
  std::vector<std::vector<uint64_t>> counts_;  // by worker [entries, bins]; empty until it adds
};

}  // namespace quantdyn
