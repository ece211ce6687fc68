// moving_average: exponential averages of the smallest and the largest value of windows of images.
//
// Of windows 1, 2 ... in the order of the images, in float32: low = minimum of window 1, then low =
// low + constant (minimum - low); high alike (Jacob et al. 2018, arXiv 1712.05877, section 3.1). To
// the last bit torch's MovingAverageMinMaxObserver on batches of a window's size, and
// MovingAveragePerChannelMinMaxObserver where each channel has its range.

#include <algorithm>
#include <limits>
#include <map>

#include "framework/base/threads.h"
#include "quant/ranges/extremes.h"
#include "quant/ranges/range_estimator.h"

namespace quantdyn {
namespace {

struct AverageOptions {
  int64_t window;  // images
  float constant;
};

class MovingAverageObserver : public RangeObserver {
 public:
  MovingAverageObserver(const RangeTask& task, const AverageOptions& options)
      : options_(options),
        channels_(task.channels),
        granularity_(task.quantizer->granularity()),
        all_(task.tensor, task.channels),
        workers_(static_cast<size_t>(worker_count())) {}

  void add(const Tile& tile) override;
  void end_chunk(int64_t, int) override {}
  std::vector<Range> ranges() const override;

 private:
  static constexpr float infinity = std::numeric_limits<float>::infinity();
  struct Ends {
    float low = infinity, high = -infinity;

    void join(const Ends& other) {
      low = std::min(low, other.low);
      high = std::max(high, other.high);
    }
  };
  using Windows = std::map<int64_t, std::vector<Ends>>;  // by window, by channel

  /// What all workers saw, by entry.
  Windows windows() const;

  AverageOptions options_;
  int64_t channels_;
  Granularity granularity_;
  Extremes all_;  // knows values that are not finite
  std::vector<Windows> workers_;
};

void MovingAverageObserver::add(const Tile& tile) {
  all_.add(tile);
  std::vector<Ends>& ends = workers_[tile.worker][tile.chunk * images_per_chunk / options_.window];
  if (ends.empty()) ends.resize(static_cast<size_t>(channels_));
  for (int64_t r = 0; r < tile.rows; ++r) {
    const float* const row = tile.values + r * tile.row_stride;
    for (int64_t c = 0; c < tile.channels; ++c) ends[tile.first_channel + c].join({row[c], row[c]});
  }
}

MovingAverageObserver::Windows MovingAverageObserver::windows() const {
  Windows out;
  for (const Windows& windows : workers_)
    for (const auto& [window, channels] : windows) {
      std::vector<Ends>& entries = out[window];
      entries.resize(static_cast<size_t>(granularity_.entries(channels_)));
      for (int64_t c = 0; c < channels_; ++c) entries[granularity_.entry_of(c)].join(channels[c]);
    }
  return out;
}

std::vector<Range> MovingAverageObserver::ranges() const {
  all_.by_channel();  // throws if there is nothing to average, or a value that is not finite
  std::vector<Ends> averages;
  for (const auto& [window, entries] : windows()) {
    if (averages.empty()) averages = entries;
    for (size_t i = 0; i < entries.size(); ++i) {
      Ends& average = averages[i];
      average.low = average.low + options_.constant * (entries[i].low - average.low);
      average.high = average.high + options_.constant * (entries[i].high - average.high);
    }
  }
  std::vector<Range> out;
  for (const Ends& average : averages) out.push_back({average.low, average.high});
  return out;
}

class MovingAverage : public RangeEstimator {
 public:
  explicit MovingAverage(const AverageOptions& options) : options_(options) {}

  std::string refusal(TensorKind kind) const override {
    return kind == TensorKind::weight
               ? "moving_average steps over calibration images, and a weight has none"
               : "";
  }
  std::unique_ptr<RangeObserver> observe(const RangeTask& task) const override {
    return std::make_unique<MovingAverageObserver>(task, options_);
  }
  Levels levels() const override { return Levels::ignored; }

 private:
  AverageOptions options_;
};

std::unique_ptr<RangeEstimator> make(const Options& options) {
  const int64_t window =
      options.integer("window", 32, accept::at_least<int64_t>(images_per_chunk),
                      "images per step, a multiple of 8; the last window may have fewer");
  const double constant =
      options.number("constant", 0.01, {.low = 0, .high = 1, .low_excluded = true},
                     "share of the way to the window's ends that each step moves; float32");
  options.finish();
  if (window % images_per_chunk != 0)
    options.refuse("window", fmt::format("{} is not a multiple of 8", window));
  return std::make_unique<MovingAverage>(AverageOptions{window, static_cast<float>(constant)});
}

const Registered<RangeEstimator> moving_average{
    "moving_average", "exponential averages of the ends of windows of images, as in torch", make};

}  // namespace
}  // namespace quantdyn
