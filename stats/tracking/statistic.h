// Statistics of a tensor's values, layerwise and channelwise: the plugins of `statistics: [...]`.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "framework/base/state.h"
#include "framework/config/registry.h"
#include "framework/graph/channel_map.h"
#include "framework/graph/tap.h"
#include "framework/h5/frame.h"
#include "stats/counts/channel_counts.h"
#include "stats/kernels/log_bins.h"

namespace quantdyn {

/// What one worker gathers from the values it is shown. It can be merged with what other workers
/// gathered, also those of other processes.
///
/// The contract that gives the same bits for any number of threads and any batch that is a multiple
/// of 8 images: floating-point sums start anew in every chunk, add each channel's values one by one
/// in the order of the rows, and are combined by ChunkTree over the chunk index. Counts, minima and
/// maxima need no order. A channel's sums must not depend on how the chunk was cut into
/// tiles.
class Statistic {
 public:
  virtual ~Statistic() = default;
  /// Tiles of one chunk come before those of the next (see Tile).
  virtual void add(const Tile& tile) = 0;
  virtual void end_chunk(int64_t chunk) = 0;
  /// A statistic of the activated values, which add() then feeds as well, chunk by chunk; null if
  /// it must be shown them. Keep it until the last add() of this one. Called before any add().
  virtual std::unique_ptr<Statistic> of_activation(FusedActivation activation) {
    static_cast<void>(activation);
    return {};
  }
  /// Merges what another worker's statistic of the same kind and channels gathered.
  virtual void merge(Statistic&& other) = 0;
  /// All that merge() takes from another one: another process loads it into a statistic that has
  /// gathered nothing, and merges that.
  virtual void visit_state(StateVisitor state) = 0;
  /// Writes layerwise/<tensor>/... and channelwise/<tensor>/... of a node; called once, at the end.
  virtual void save(Frame& frame, const std::string& tensor, int64_t node) = 0;
};

/// What a statistic must know about a tensor before its values.
struct TensorTraits {
  int64_t channels;
  LogBins bins{};                  ///< of histograms
  std::string bin_axis = "bin";    ///< the file's axis of these bins
  bool channel_histograms = true;  ///< whether histograms are also written by channel
  std::string of_what = "";        ///< after "histogram" in the axis's description: " of gradients"
};

/// The counts of a tensor's values by channel and bin, shared by all statistics derived from
/// them.
struct CountedTensor {
  const TensorTraits& traits;
  const ChannelCounts& counts;
};

/// A statistic that the counts alone cannot give: it takes the values once or several times more.
class Refinement {
 public:
  virtual ~Refinement() = default;
  /// Thread-safe for tiles of different workers.
  virtual void add(const Tile& tile) = 0;
  /// Whether there is anything to find.
  virtual bool is_needed() const = 0;
  /// What the pass that is over has counted, of all workers. Counts of other processes, which had
  /// other values, are added to it.
  virtual std::span<uint32_t> counts() = 0;
  /// Called when all values have been shown once more; returns whether it needs another pass.
  virtual bool next_pass() = 0;
  virtual void save(Frame& frame, const std::string& tensor, int64_t node) = 0;
};

/// A choice of `statistics:`. It gathers from the values (`make`: one Statistic per tensor and
/// worker), or is derived from their counts (`derive`, called once, after the save() of all that
/// gather), or takes more passes with the counts known (`refine`, then its save()).
struct StatisticKind {
  std::function<std::unique_ptr<Statistic>(const TensorTraits& traits)> make;
  std::function<void(const CountedTensor& counted, Frame& frame, const std::string& tensor,
                     int64_t node)>
      derive;
  std::function<std::unique_ptr<Refinement>(const CountedTensor& counted, int workers)> refine;
  /// The extra axes of its quantities; empty if there are none.
  std::function<std::vector<ExtraAxis>(const TensorTraits& traits)> axes;
};
using StatisticKinds = std::vector<StatisticKind>;

/// For the factory of a plugin that gathers, after it has read its options:
/// `return statistic_kind<Moments>();`. T is constructed from (traits, settings...), or from
/// (channels, settings...) if it needs no more.
template <typename T, typename... Settings>
std::unique_ptr<StatisticKind> statistic_kind(Settings... settings) {
  return std::make_unique<StatisticKind>(
      StatisticKind{[=](const TensorTraits& traits) {
                      if constexpr (std::is_constructible_v<T, const TensorTraits&, Settings...>)
                        return std::make_unique<T>(traits, settings...);
                      else
                        return std::make_unique<T>(traits.channels, settings...);
                    },
                    {},
                    {},
                    {}});
}

using StatisticRegistry = Registry<StatisticKind>;

/// Reads `statistics: [moments, {name: quantiles, exact: true}]`. Without this key: those with a
/// default_place. ConfigError for an unknown or repeated name.
StatisticKinds read_statistics(const Options& options);

/// Adds the axes that a file lacks for statistics of these tensors: first those of all default
/// statistics, taken here or not, then those of `kinds`. Error if two axes have one name.
void add_axes(const StatisticKinds& kinds, const TensorTraits& traits,
              std::vector<ExtraAxis>& axes);

}  // namespace quantdyn
