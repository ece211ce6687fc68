#include "stats/statistics/exact_quantiles.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>
#include <span>

#include "framework/base/error.h"
#include "stats/statistics/quantile_places.h"

namespace quantdyn {
namespace {

constexpr int log2_parts = 5;
constexpr int64_t parts = 1 << log2_parts;

/// Floats as integers in the same order; -0 is 0.
uint32_t key_of(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  const uint32_t magnitude = bits & 0x7fffffffu;
  return bits >> 31 ? 0x80000000u - magnitude : 0x80000000u + magnitude;
}
float value_of(uint32_t key) {
  return key < 0x80000000u ? std::bit_cast<float>(0x80000000u | (0x80000000u - key))
                           : std::bit_cast<float>(key - 0x80000000u);
}

/// One value to find, given by its rank.
struct Target {
  uint32_t first;  ///< keys from here
  int shift;       ///< the interval is cut into `parts` parts of 2^shift keys
  uint64_t rank;   ///< among the values of the interval
  bool found = false;

  /// Starts with the bin that holds it; keys from the magnitudes of its edges.
  static Target in_bin(const LogBins& bins, const RankPlace& place, uint64_t rank) {
    const auto magnitude = [](double edge) {
      return std::bit_cast<uint32_t>(static_cast<float>(edge));
    };
    const int32_t from_zero = std::abs(place.bin - bins.zero());
    const int32_t mirrored = bins.zero() + from_zero;  // the bin of the same magnitudes, positive
    uint32_t from = magnitude(bins.lower(mirrored)), to = magnitude(bins.upper(mirrored));
    if (from_zero == 1) ++from;                                    // all but 0
    if (from_zero == 0 || from_zero >= bins.per_sign() + 2) ++to;  // up to the upper edge
    const bool negative = place.bin < bins.zero();
    const uint32_t first = negative ? 0x80000000u - (to - 1) : 0x80000000u + from;
    Target out{first, 0, rank - place.before};
    while ((uint64_t{to - from} - 1) >> out.shift >= parts) ++out.shift;
    out.found = to - from == 1;
    return out;
  }
  /// Whether a key is in the interval, and in which part.
  uint32_t part_of(uint32_t key) const { return (key - first) >> shift; }
};

/// Tells of most keys that they are in no interval of an entry: a set of key / 2^shift modulo the
/// number of bits, with 2^shift no smaller than any interval. Without it every value is compared
/// with every interval, eighteen of a channel and eighteen of the layer.
class IntervalFilter {
 public:
  /// The intervals of the targets that are not found yet.
  void set(std::span<const Target> targets) {
    shift_ = 0;
    bits_.fill(0);
    for (const Target& target : targets)
      if (!target.found) shift_ = std::max(shift_, target.shift + log2_parts);
    for (const Target& target : targets) {
      if (target.found) continue;
      const uint64_t last = target.first + ((uint64_t{parts} << target.shift) - 1);
      for (uint64_t place = target.first >> shift_; place <= last >> shift_; ++place)
        bits_[place / 64 % bits_.size()] |= uint64_t{1} << place % 64;
    }
  }
  bool may_hold(uint32_t key) const {
    const uint64_t place = uint64_t{key} >> shift_;
    return bits_[place / 64 % bits_.size()] >> place % 64 & 1;
  }

 private:
  int shift_ = 0;
  std::array<uint64_t, 64> bits_{};
};

class ExactQuantiles final : public Refinement {
 public:
  ExactQuantiles(const CountedTensor& counted, int workers)
      : channels_(counted.traits.channels), workers_(static_cast<size_t>(workers)) {
    const std::vector<uint64_t> layer = counted.counts.of_layer();
    if (ordered_values(layer, counted.traits.bins) > std::numeric_limits<uint32_t>::max())
      throw_error(
          "quantiles, exact: a layer has more than 2^32 - 1 values; accepted: fewer images");
    for (int64_t c = 0; c < channels_; ++c)
      add_targets(counted.counts.of_channel(c), counted.traits.bins);
    add_targets(layer, counted.traits.bins);
    filters_.resize(values_.size());
    set_filters();
  }

  bool is_needed() const override {
    for (const Target& target : targets_)
      if (!target.found) return true;
    return false;
  }

  void add(const Tile& tile) override {
    std::vector<uint32_t>& counts = workers_[static_cast<size_t>(tile.worker)];
    if (counts.empty()) counts.resize(targets_.size() * parts);
    for (int64_t row = 0; row < tile.rows; ++row)
      for (int64_t c = 0; c < tile.channels; ++c) {
        const float value = tile.values[row * tile.row_stride + c];
        if (std::isnan(value)) continue;
        const uint32_t key = key_of(value);
        count(key, tile.first_channel + c, counts);
        count(key, channels_, counts);
      }
  }

  std::span<uint32_t> counts() override {
    std::vector<uint32_t>& all = workers_.front();
    all.resize(targets_.size() * parts);
    for (size_t worker = 1; worker < workers_.size(); ++worker) {
      std::ranges::transform(workers_[worker], all, all.begin(), std::plus<>());
      workers_[worker].clear();
    }
    return all;
  }

  bool next_pass() override {
    const std::span<const uint32_t> all = counts();
    for (size_t i = 0; i < targets_.size(); ++i)
      if (!targets_[i].found) narrow(i, all);
    workers_.assign(workers_.size(), {});
    set_filters();
    return is_needed();
  }

  void save(Frame& frame, const std::string& tensor, int64_t node) override {
    std::vector<QuantileEstimate> entries;
    for (int64_t entry = 0; entry <= channels_; ++entry) entries.push_back(result_of(entry));
    const QuantileEstimate layer = entries.back();
    entries.pop_back();
    save_quantiles(entries, layer, frame, tensor, node);
  }

 private:
  static constexpr size_t per_entry = 2 * quantile_fractions.size();

  /// The targets of a channel, or of the layer (the last entry): two per quantile.
  void add_targets(const std::vector<uint64_t>& counts, const LogBins& bins) {
    const uint64_t n = ordered_values(counts, bins);
    values_.push_back(n);
    for (const double fraction : quantile_fractions) {
      const QuantileRanks ranks(fraction, std::max<uint64_t>(n, 1));
      for (const uint64_t rank : {ranks.lower, ranks.upper})
        targets_.push_back(n == 0 ? Target{0, 0, 0, true}
                                  : Target::in_bin(bins, place_of_rank(counts, rank), rank));
    }
  }

  void set_filters() {
    for (size_t entry = 0; entry < filters_.size(); ++entry)
      filters_[entry].set(std::span(targets_).subspan(entry * per_entry, per_entry));
  }

  void count(uint32_t key, int64_t entry, std::vector<uint32_t>& counts) const {
    if (!filters_[static_cast<size_t>(entry)].may_hold(key)) return;
    const size_t first = static_cast<size_t>(entry) * per_entry;
    for (size_t i = first; i < first + per_entry; ++i) {
      const uint32_t part = targets_[i].part_of(key);
      if (!targets_[i].found && part < parts) ++counts[i * parts + part];
    }
  }

  /// Narrows the interval to the part that holds the value.
  void narrow(size_t i, std::span<const uint32_t> counts) {
    Target& target = targets_[i];
    for (int64_t part = 0; part < parts; ++part) {
      const uint64_t here = counts[i * parts + static_cast<size_t>(part)];
      if (target.rank >= here) {
        target.rank -= here;
        continue;
      }
      target.first += static_cast<uint32_t>(part) << target.shift;
      target.found = target.shift == 0;
      target.shift = std::max(target.shift - log2_parts, 0);
      return;
    }
    throw_error("quantiles, exact: the second pass showed other values than the first");
  }

  QuantileEstimate result_of(int64_t entry) const {
    QuantileEstimate out;
    if (values_[entry] == 0) return out;
    for (size_t i = 0; i < quantile_fractions.size(); ++i) {
      const Target* const pair = &targets_[static_cast<size_t>(entry) * per_entry + 2 * i];
      const QuantileRanks ranks(quantile_fractions[i], values_[entry]);
      out.value[i] = ranks.between(value_of(pair[0].first), value_of(pair[1].first));
      out.lower[i] = value_of(pair[0].first);
      out.upper[i] = value_of(pair[1].first);
    }
    return out;
  }

  int64_t channels_;
  std::vector<uint64_t> values_;                // number of values that are not NaN, by entry
  std::vector<Target> targets_;                 // [entries, per_entry]
  std::vector<IntervalFilter> filters_;         // [entries]
  std::vector<std::vector<uint32_t>> workers_;  // [targets, parts] each, made when first used
};

}  // namespace

std::unique_ptr<Refinement> exact_quantiles(const CountedTensor& counted, int workers) {
  return std::make_unique<ExactQuantiles>(counted, workers);
}

}  // namespace quantdyn
