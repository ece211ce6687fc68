// The values of a tensor by entry: each value of a weight, fine histograms of activations.
#pragma once

#include <memory>
#include <vector>

#include "quant/quantizers/distribution.h"
#include "quant/ranges/entry_histograms.h"
#include "quant/ranges/range_estimator.h"

namespace quantdyn {

/// What estimators integrate over. A weight is in memory anyway and often has few values per entry,
/// which bins would blur; activations are too many to keep.
class EntryValues {
 public:
  explicit EntryValues(const RangeTask& task);

  /// Workers may add tiles at the same time.
  void add(const Tile& tile);
  bool wants_another_pass() { return histograms_ && histograms_->wants_another_pass(); }
  /// The exact ends by entry. Throws Error as Extremes::by_channel().
  std::vector<Range> ends() const;
  /// An entry's values, `ends` being its ones; `points` a bin where they are binned
  /// (binned_distribution).
  Distribution distribution(int64_t entry, const Range& ends, int points) const;

 private:
  struct Kept {
    Granularity granularity;
    Extremes extremes;
    std::vector<std::vector<std::vector<float>>> values;  // by worker, entry
  };
  std::unique_ptr<EntryHistograms> histograms_;  // of activations
  std::unique_ptr<Kept> kept_;                   // of a weight
};

}  // namespace quantdyn
