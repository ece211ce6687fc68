// sigma: k standard deviations to both sides of the mean.
//
// [mean - k sigma, mean + k sigma], sigma that of the population: sqrt(sum (x - mean)^2 / N);
// moments in double.

#include <algorithm>

#include "quant/ranges/extremes.h"
#include "quant/ranges/range_estimator.h"
#include "stats/statistics/channel_spreads.h"

namespace quantdyn {
namespace {

struct SigmaOptions {
  double k;
  bool is_within_ends;
};

class SigmaObserver : public RangeObserver {
 public:
  SigmaObserver(const RangeTask& task, const SigmaOptions& options)
      : options_(options),
        granularity_(task.quantizer->granularity()),
        ends_(task.tensor, task.channels),
        spreads_(task.channels) {}

  void add(const Tile& tile) override {
    ends_.add(tile);
    spreads_.add(tile);
  }
  void end_chunk(int64_t chunk, int worker) override { spreads_.end_chunk(chunk, worker); }
  std::vector<Range> ranges() const override;

 private:
  std::vector<Spread> spreads(int64_t entries) const;

  SigmaOptions options_;
  Granularity granularity_;
  Extremes ends_;
  SpreadObserver spreads_;
};

/// By entry: its channels' merged in their order.
std::vector<Spread> SigmaObserver::spreads(int64_t entries) const {
  const std::vector<Spread> channels = spreads_.spreads();
  std::vector<Spread> out(static_cast<size_t>(entries));
  for (size_t c = 0; c < channels.size(); ++c)
    out[granularity_.entry_of(static_cast<int64_t>(c))].merge(channels[c]);
  return out;
}

std::vector<Range> SigmaObserver::ranges() const {
  std::vector<Range> out = ends_.by_entry(granularity_);
  const std::vector<Spread> spreads = this->spreads(static_cast<int64_t>(out.size()));
  for (size_t i = 0; i < out.size(); ++i) {
    const double reach = options_.k * spreads[i].standard_deviation();
    const Range range{spreads[i].mean - reach, spreads[i].mean + reach};
    out[i] = options_.is_within_ends ? Range{std::clamp(range.low, out[i].low, out[i].high),
                                             std::clamp(range.high, out[i].low, out[i].high)}
                                     : range;
  }
  return out;
}

std::unique_ptr<RangeEstimator> make(const Options& options) {
  const double k =
      options.number("k", 3, accept::over<double>(0), "standard deviations to each side");
  const bool is_within_ends =
      options.flag("within_ends", true, "never beyond the smallest and the largest value");
  options.finish();
  const SigmaOptions out{k, is_within_ends};
  return estimator_of(
      [=](const RangeTask& task) { return std::make_unique<SigmaObserver>(task, out); },
      Levels::ignored);
}

const Registered<RangeEstimator> sigma{"sigma", "k standard deviations about the mean", make};

}  // namespace
}  // namespace quantdyn
