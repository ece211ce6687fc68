#include "stats/tracking/tracker.h"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <random>
#include <thread>
#include <vector>

#include "framework/base/error.h"
#include "stats/counts/channel_counts.h"
#include "stats/kernels/log_bins.h"
#include "tests/stats/observe.h"

using namespace quantdyn;

namespace {

StatisticKinds kinds(const std::string& yaml = "{}") {
  return read_statistics(Options::from_text(yaml, "test.yaml"));
}

Frame tracked(const std::vector<float>& x, int64_t rows, int64_t channels, const Cut& cut) {
  Frame frame({0, channels});
  Tracker tracker(channels, cut.workers, kinds());
  cut_up(
      x, rows, channels, cut, [&](const Tile& tile) { tracker.add(tile); },
      [&](int64_t chunk, int worker) { tracker.end_chunk(chunk, worker); });
  tracker.finish(frame, "output", 0);
  return frame;
}

Frame tensor_statistics(const std::vector<float>& values, const Shape& shape) {
  Frame frame({0, shape.channels()});
  track_tensor({values.data(), shape}, kinds(), frame, "weight", 0);
  return frame;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(tracker_test)

BOOST_AUTO_TEST_CASE(moments_of_a_small_tensor_are_those_computed_by_hand) {
  const Frame frame = tensor_statistics({1, 10, 3, 10, 5, 10, 7, 10}, {4, 2});
  BOOST_TEST(counts(frame, "channelwise/weight/count") == (std::vector<uint64_t>{4, 4}));
  BOOST_TEST(doubles(frame, "channelwise/weight/min") == (std::vector<double>{1, 10}));
  BOOST_TEST(doubles(frame, "channelwise/weight/max") == (std::vector<double>{7, 10}));
  BOOST_TEST(doubles(frame, "channelwise/weight/mean") == (std::vector<double>{4, 10}));
  BOOST_TEST(doubles(frame, "channelwise/weight/std") == (std::vector<double>{std::sqrt(5.0), 0}));
  BOOST_TEST(counts(frame, "layerwise/weight/count")[0] == 8u);
  BOOST_TEST(doubles(frame, "layerwise/weight/min")[0] == 1);
  BOOST_TEST(doubles(frame, "layerwise/weight/max")[0] == 10);
  BOOST_TEST(doubles(frame, "layerwise/weight/mean")[0] == 7);
  BOOST_TEST(doubles(frame, "layerwise/weight/std")[0] == std::sqrt(11.5));  // (20 + 8 * 9) / 8
}

BOOST_AUTO_TEST_CASE(results_do_not_depend_on_batches_workers_or_tiles) {
  const int64_t rows = 9, channels = 19;
  const auto x = random_values(83 * rows * channels, 3, 2);  // the last chunk has 3 images
  const Frame expected = tracked(x, rows, channels, {});
  for (int64_t batch : {8, 16, 64, 128})
    for (int workers : {1, 2, 3})
      BOOST_TEST(same_bits(tracked(x, rows, channels, {batch, workers, 7, 1000}), expected));
  BOOST_TEST(same_bits(tracked(x, rows, channels, {16, 2, 1, 1000}), expected));
  BOOST_TEST(same_bits(tracked(x, rows, channels, {16, 2, 72, 5}), expected));
}

BOOST_AUTO_TEST_CASE(workers_may_run_at_the_same_time) {
  const int64_t rows = 9, channels = 19;
  const auto x = random_values(64 * rows * channels);
  const Cut cut{64, 3, 7, 1000};
  Tracker tracker(channels, cut.workers, kinds());
  std::vector<std::thread> threads;
  for (int worker = 0; worker < cut.workers; ++worker)
    threads.emplace_back([&, worker] {
      cut_up(
          x, rows, channels, cut,
          [&](const Tile& tile) {
            if (tile.worker == worker) tracker.add(tile);
          },
          [&](int64_t chunk, int by) {
            if (by == worker) tracker.end_chunk(chunk, by);
          });
    });
  for (std::thread& thread : threads) thread.join();
  Frame frame({0, channels});
  tracker.finish(frame, "output", 0);
  BOOST_TEST(same_bits(frame, tracked(x, rows, channels, {})));
}

BOOST_AUTO_TEST_CASE(another_order_of_images_gives_other_sums_but_the_same_counts) {
  // Shows that same_bits can fail, and that the exactness above is not rounding luck.
  const auto x = random_values(64 * 9 * 3, 3, 2);
  const std::vector<float> reversed(x.rbegin(), x.rend());
  const Frame forward = tracked(x, 27, 1, {}), backward = tracked(reversed, 27, 1, {});
  BOOST_TEST(!same_bits(forward, backward));
  BOOST_TEST(counts(forward, "layerwise/output/histogram") ==
             counts(backward, "layerwise/output/histogram"));
}

BOOST_AUTO_TEST_CASE(mean_and_deviation_hold_where_the_mean_is_far_from_zero) {
  for (float mean : {0.0f, 1e2f, 1e4f, 1e6f}) {
    const int64_t rows = 50, channels = 5;
    const auto x = random_values(200 * rows * channels, mean);
    const Frame frame = tracked(x, rows, channels, {64, 3, 7, 1000});
    long double all_sum = 0, all_square = 0;
    for (int64_t c = 0; c < channels; ++c) {
      const int64_t n = 200 * rows;
      long double sum = 0, square = 0;
      for (int64_t i = 0; i < n; ++i) sum += x[i * channels + c];
      for (int64_t i = 0; i < n; ++i) {
        const long double difference = x[i * channels + c] - sum / n;
        square += difference * difference;
      }
      const auto std = static_cast<double>(std::sqrt(square / n));
      const double mean_error =
          std::abs(doubles(frame, "channelwise/output/mean")[c] - static_cast<double>(sum / n));
      BOOST_TEST(mean_error < 1e-9 * std);
      BOOST_TEST(std::abs(doubles(frame, "channelwise/output/std")[c] - std) < 1e-9 * std);
      all_sum += sum;
    }
    const auto n = static_cast<long double>(x.size());
    for (float value : x) all_square += (value - all_sum / n) * (value - all_sum / n);
    const auto std = static_cast<double>(std::sqrt(all_square / n));
    BOOST_TEST(std::abs(doubles(frame, "layerwise/output/std")[0] - std) < 1e-9 * std);
  }
}

BOOST_AUTO_TEST_CASE(shape_and_norms_of_a_small_tensor_are_those_computed_by_hand) {
  const Frame frame = tensor_statistics({-1, 2, 0, 2, 0, 2, 5, 2}, {4, 2});
  const auto channel = [&](const std::string& name) {
    return doubles(frame, "channelwise/weight/" + name);
  };
  BOOST_TEST(channel("absolute_max")[0] == 5);
  BOOST_TEST(channel("variance")[0] == 5.5);  // deviations -2, -1, -1, 4
  BOOST_TEST(channel("skewness")[0] == 13.5 / (5.5 * std::sqrt(5.5)));
  BOOST_TEST(channel("kurtosis")[0] == 68.5 / (5.5 * 5.5));
  BOOST_TEST(channel("l1_norm")[0] == 6);
  BOOST_TEST(channel("l2_norm")[0] == std::sqrt(26.0));
  BOOST_TEST(channel("l1_norm")[1] == 8);
  BOOST_TEST(channel("l2_norm")[1] == 4);
  BOOST_TEST(channel("variance")[1] == 0);
  BOOST_TEST((std::isnan(channel("skewness")[1]) && std::isnan(channel("kurtosis")[1])));
  BOOST_TEST(doubles(frame, "layerwise/weight/variance")[0] == 3);  // mean 1.5
  BOOST_TEST(doubles(frame, "layerwise/weight/skewness")[0] == 2.625 / (3 * std::sqrt(3.0)));
  BOOST_TEST(doubles(frame, "layerwise/weight/kurtosis")[0] == 24.9375 / 9);
  BOOST_TEST(doubles(frame, "layerwise/weight/l1_norm")[0] == 14);
}

BOOST_AUTO_TEST_CASE(moments_are_those_of_two_passes_to_a_millionth_of_the_deviation_s_power) {
  std::mt19937 generator(5);
  std::gamma_distribution<float> heavy(0.3f, 2.0f);  // kurtosis 23
  for (float mean : {0.0f, 30.0f, -1e4f}) {
    const int64_t rows = 50, channels = 5;
    std::vector<float> x(200 * rows * channels);
    for (float& value : x) value = mean + heavy(generator);
    const Frame frame = tracked(x, rows, channels, {64, 3, 7, 1000});
    for (int64_t c = 0; c < channels; ++c) {
      const int64_t n = 200 * rows;
      long double sum = 0, powers[5] = {};
      for (int64_t i = 0; i < n; ++i) sum += x[i * channels + c];
      for (int64_t i = 0; i < n; ++i)
        for (int k = 2; k < 5; ++k) powers[k] += std::pow(x[i * channels + c] - sum / n, k) / n;
      const auto channel = [&, c](const std::string& name) {
        return doubles(frame, "channelwise/output/" + name)[c];
      };
      const auto expect = [](double found, long double wanted, double tolerance) {
        BOOST_TEST(std::abs(found - static_cast<double>(wanted)) < tolerance);
      };
      expect(channel("variance") / static_cast<double>(powers[2]), 1, 1e-6);
      expect(channel("skewness"), powers[3] / std::pow(powers[2], 1.5L), 1e-6);
      expect(channel("kurtosis"), powers[4] / (powers[2] * powers[2]), 1e-6);
    }
  }
}

BOOST_AUTO_TEST_CASE(values_that_are_not_finite_are_counted_and_seen) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float inf = std::numeric_limits<float>::infinity();
  auto x = random_values(24 * 5 * 4);
  x[0] = nan;          // channel 0, the first value of a chunk
  x[8 * 5 * 4] = nan;  // channel 0, in the second chunk
  x[301] = -inf;       // channel 1
  x[302] = inf;        // channel 2
  x[306] = nan;        // channel 2
  const Frame frame = tracked(x, 5, 4, {16, 2, 7, 1000});
  BOOST_TEST(counts(frame, "channelwise/output/nan_count") == (std::vector<uint64_t>{2, 0, 1, 0}));
  BOOST_TEST(counts(frame, "channelwise/output/infinity_count") ==
             (std::vector<uint64_t>{0, 1, 1, 0}));
  BOOST_TEST(counts(frame, "layerwise/output/nan_count")[0] == 3u);
  BOOST_TEST(counts(frame, "layerwise/output/infinity_count")[0] == 2u);
  BOOST_TEST(counts(frame, "layerwise/output/count")[0] == x.size());
  for (const std::string name : {"mean", "std"}) {
    const auto& values = doubles(frame, "channelwise/output/" + name);
    BOOST_TEST((std::isnan(values[0]) && std::isnan(values[1]) && std::isnan(values[2])));
    BOOST_TEST(std::isfinite(values[3]));
    BOOST_TEST(std::isnan(doubles(frame, "layerwise/output/" + name)[0]));
  }
  BOOST_TEST(std::isfinite(doubles(frame, "channelwise/output/min")[0]));
  BOOST_TEST(doubles(frame, "channelwise/output/min")[1] == -inf);
  BOOST_TEST(doubles(frame, "layerwise/output/max")[0] == inf);
  BOOST_TEST(counts(frame, "layerwise/output/histogram").back() == 3u);
  BOOST_TEST(counts(frame, "layerwise/output/histogram").front() == 1u);
}

BOOST_AUTO_TEST_CASE(histogram_holds_every_value_in_its_bin_by_channel) {
  const LogBins bins;
  const Frame frame = tensor_statistics({1, -1, 1.0625f, 0, 3, -1e9f}, {3, 2});
  const auto& channels = counts(frame, "channelwise/weight/histogram");
  const auto& layer = counts(frame, "layerwise/weight/histogram");
  BOOST_TEST(channels.size() == 2u * 584u);
  BOOST_TEST(layer.size() == 584u);
  BOOST_TEST(channels[bins.index(1.0f)] == 2u);
  BOOST_TEST(channels[bins.index(3.0f)] == 1u);
  BOOST_TEST(channels[584 + bins.index(-1.0f)] == 1u);
  BOOST_TEST(channels[584 + bins.zero()] == 1u);
  BOOST_TEST(channels[584 + 1] == 1u);
  for (size_t i = 0; i < layer.size(); ++i) BOOST_TEST(layer[i] == channels[i] + channels[584 + i]);
}

BOOST_AUTO_TEST_CASE(more_values_of_one_channel_than_a_small_count_holds_are_all_counted) {
  const std::vector<float> x(140000, 0.5f);  // 2^16 and more in one tile
  ChannelCounts counts(1, LogBins{}), other = counts;
  counts.add({x.data(), 140000, 1, 1, 0, 0, 0, 0});
  for (int64_t row = 0; row < 140000; row += 20000)
    other.add({x.data() + row, 20000, 1, 1, row, 0, 0, 0});
  const int32_t bin = LogBins{}.index(0.5f);
  BOOST_TEST(counts.of_channel(0)[bin] == 140000u);
  BOOST_TEST(other.of_channel(0)[bin] == 140000u);
  counts.merge(other);
  BOOST_TEST(counts.of_channel(0)[bin] == 280000u);
  BOOST_TEST(counts.of_activation(FusedActivation::relu).of_channel(0)[bin] == 280000u);
}

BOOST_AUTO_TEST_CASE(a_tap_that_showed_nothing_has_count_zero_and_nan) {
  Frame frame({0, 2});
  Tracker(2, 3, kinds()).finish(frame, "conv", 0);
  BOOST_TEST(counts(frame, "layerwise/conv/count")[0] == 0u);
  BOOST_TEST(std::isnan(doubles(frame, "layerwise/conv/mean")[0]));
  BOOST_TEST(std::isnan(doubles(frame, "channelwise/conv/std")[1]));
  BOOST_TEST(std::isnan(doubles(frame, "channelwise/conv/min")[0]));
}

BOOST_AUTO_TEST_CASE(a_constant_tensor_has_no_deviation) {
  const Frame frame = tensor_statistics(std::vector<float>(5000, 0.1f), {2500, 2});
  BOOST_TEST(doubles(frame, "layerwise/weight/mean")[0] == double{0.1f});
  BOOST_TEST(doubles(frame, "layerwise/weight/std")[0] == 0);
}

BOOST_AUTO_TEST_CASE(nodes_fill_their_own_channels) {
  Frame frame({0, 2, 5});
  const auto values = random_values(12);
  track_tensor({values.data(), {4, 3}}, kinds(), frame, "weight", 1);
  BOOST_TEST(counts(frame, "channelwise/weight/count") == (std::vector<uint64_t>{0, 0, 4, 4, 4}));
  BOOST_TEST(counts(frame, "layerwise/weight/count") == (std::vector<uint64_t>{0, 12}));
}

BOOST_AUTO_TEST_CASE(only_the_chosen_statistics_are_written) {
  Frame frame({0, 3});
  const auto values = random_values(12);
  track_tensor({values.data(), {4, 3}}, kinds("statistics: [histogram]"), frame, "weight", 0);
  BOOST_TEST(frame.arrays().size() == 2u);
  BOOST_TEST(frame.arrays().contains("layerwise/weight/histogram"));
  BOOST_TEST(frame.arrays().at("layerwise/weight/histogram").quantity.axis == "bin");
}

BOOST_AUTO_TEST_CASE(unknown_and_repeated_statistics_are_refused_at_their_line) {
  const auto refused = [](const std::string& part) {
    return [part](const ConfigError& error) {
      return std::string(error.what()).find(part) != std::string::npos &&
             std::string(error.what()).find("test.yaml:1") != std::string::npos;
    };
  };
  BOOST_CHECK_EXCEPTION(kinds("statistics: [momentum]"), ConfigError, refused("momentum"));
  BOOST_CHECK_EXCEPTION(kinds("statistics: [moments, moments]"), ConfigError, refused("twice"));
}

BOOST_AUTO_TEST_SUITE_END()
