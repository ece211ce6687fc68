// Fine log-linear histograms of a tensor, one for each entry: the basis of many range estimators.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "quant/ranges/extremes.h"
#include "stats/counts/log_histogram.h"

namespace quantdyn {

/// Bins of 1/128 octave and the exact ends, by entry of a granularity; the same for any order.
///
/// Bins lie from 2^-24 to 2^12. An entry whose largest |x| is beyond them, or under 2^-8 where too
/// few of them are left, gets bins of 36 octaves that end just over it, and asks for a second pass.
class EntryHistograms {
 public:
  static constexpr LogBins bins{.mantissa_bits = 7};

  EntryHistograms(std::string tensor, int64_t channels, const Granularity& granularity);

  /// Workers may add tiles at the same time.
  void add(const Tile& tile);
  /// Whether everything must be added once more; true at most once. Throws Error as ends().
  bool wants_another_pass();
  int64_t entries() const { return granularity_.entries(channels_); }
  /// The exact ends by entry. Throws Error as Extremes::by_channel().
  std::vector<Range> ends() const { return extremes_.by_entry(granularity_); }
  /// All workers' values of an entry whose ends are those of ends().
  LogHistogram histogram(int64_t entry, const Range& ends) const;
  /// Of all entries. Throws Error as ends().
  std::vector<LogHistogram> histograms() const;

 private:
  void count_again(const Tile& tile, std::vector<uint64_t>& counts) const;
  bool is_moved(int64_t entry) const { return bins_[entry] != bins; }

  int64_t channels_;
  Granularity granularity_;
  Extremes extremes_;
  std::vector<std::vector<uint64_t>> counts_;  // by worker [entries, bins]; empty until it adds
  std::vector<LogBins> bins_;                  // by entry
  bool is_second_pass_ = false;                // of entries whose bins were moved
};

}  // namespace quantdyn
