// Histograms of even bins over a tensor's exact ends, one for each entry; they take two passes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "quant/ranges/extremes.h"

namespace quantdyn {

/// `count` even bins of [low, high], the last with its upper end.
struct LinearBins {
  /// Whose bin a value at an edge falls into, where rounding decides.
  enum class Rule {
    torch,  ///< floor((x - low) count / (high - low)) in float32, as torch.histc (2.x; 1.13 divides
            ///< first, which for counts that are powers of two is the same)
    numpy   ///< by the edges low + k ((high - low) / count) in float32, as numpy.histogram
  };

  int64_t count = 0;
  float low = 0, high = 0;
  Rule rule = Rule::torch;

  /// The lower end of bin k; of `count`: high.
  float edge(int64_t k) const;
  /// Of a value from low to high; low < high.
  int64_t index(float x) const;
};

/// Counts by bin over the first pass's ends; the same for any order.
class LinearHistograms {
 public:
  enum class Axis {
    ends,       ///< [minimum, maximum]
    symmetric,  ///< [-max|x|, max|x|]
    magnitude   ///< [0, max|x|], of |x|
  };

  LinearHistograms(std::string tensor, int64_t channels, const Granularity& granularity, Axis axis,
                   const LinearBins& bins);

  /// Workers may add tiles at the same time.
  void add(const Tile& tile);
  /// True after the first pass. Throws Error as Extremes::by_channel().
  bool wants_another_pass();

  /// The exact ends by entry. Throws Error as Extremes::by_channel().
  std::vector<Range> ends() const { return extremes_.by_entry(granularity_); }
  /// After the second pass; an entry whose axis has no width has no counts.
  const LinearBins& bins(int64_t entry) const { return bins_[entry]; }
  std::vector<uint64_t> counts(int64_t entry) const;

 private:
  void count(int64_t entry, const Tile& part, std::vector<uint64_t>& counts) const;

  Granularity granularity_;
  Axis axis_;
  Extremes extremes_;
  std::vector<LinearBins> bins_;               // by entry
  std::vector<std::vector<uint64_t>> counts_;  // by worker [entries, bins]; empty until it adds
  bool is_second_pass_ = false;
};

}  // namespace quantdyn
