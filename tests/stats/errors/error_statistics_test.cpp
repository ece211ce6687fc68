#include "stats/errors/error_statistics.h"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <utility>
#include <vector>

#include "framework/base/error.h"
#include "tests/stats/observe.h"

using namespace quantdyn;

namespace {

Frame compared(const std::vector<float>& x, const std::vector<float>& q, int64_t rows,
               int64_t channels, const Cut& cut) {
  Frame frame({0, channels});
  ErrorStatistics statistics(channels, cut.workers);
  cut_up(
      x, rows, channels, cut,
      [&](const Tile& tile) {
        Tile twin = tile;
        twin.values = q.data() + (tile.values - x.data());
        statistics.add(tile, twin);
      },
      [&](int64_t chunk, int worker) { statistics.end_chunk(chunk, worker); });
  statistics.save(frame, "output", 0, "local");
  return frame;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(error_test)

BOOST_AUTO_TEST_CASE(errors_of_a_small_tensor_are_those_computed_by_hand) {
  // Channel 0: errors 1 and 1 beside 4 and 36; channel 1: none.
  const Frame frame = compared({2, 5, 6, 7}, {1, 5, 7, 7}, 2, 2, {});
  BOOST_TEST(doubles(frame, "channelwise/output/local_qmse") == (std::vector<double>{1, 0}));
  BOOST_TEST(doubles(frame, "channelwise/output/local_sqnr") ==
             (std::vector<double>{10 * std::log10(20.0), HUGE_VAL}));
  BOOST_TEST(doubles(frame, "layerwise/output/local_qmse")[0] == 0.5);
  BOOST_TEST(doubles(frame, "layerwise/output/local_sqnr")[0] == 10 * std::log10(114 / 2.0));
  BOOST_TEST(frame.arrays().at("layerwise/output/local_sqnr").quantity.units == "dB");
}

BOOST_AUTO_TEST_CASE(cosine_and_shifts_are_those_computed_by_hand) {
  // Channel 0: x = 3, 4 and q = 4, 3; channel 1: x = 1, 5 and q = 2, 8; channel 2: all zero.
  const Frame frame = compared({3, 1, 0, 4, 5, 0}, {4, 2, 0, 3, 8, 0}, 2, 3, {});
  const auto& cosine = doubles(frame, "channelwise/output/local_cosine");
  BOOST_TEST(cosine[0] == 24.0 / 25);
  BOOST_TEST(cosine[1] == 42 / (std::sqrt(26.0) * std::sqrt(68.0)));
  BOOST_TEST(std::isnan(cosine[2]));
  BOOST_TEST(doubles(frame, "channelwise/output/local_mean_shift") ==
             (std::vector<double>{0, 2, 0}));
  BOOST_TEST(doubles(frame, "channelwise/output/local_variance_shift") ==
             (std::vector<double>{0, 5, 0}));  // 9 - 4
  BOOST_TEST(doubles(frame, "layerwise/output/local_mean_shift")[0] == 4.0 / 6);
}

BOOST_AUTO_TEST_CASE(equal_values_have_cosine_one_and_no_shifts) {
  const auto x = random_values(83 * 5 * 3, 10);
  const Frame frame = compared(x, x, 5, 3, {16, 2, 7, 1000});
  BOOST_TEST(doubles(frame, "channelwise/output/local_cosine") == (std::vector<double>{1, 1, 1}));
  BOOST_TEST(doubles(frame, "layerwise/output/local_cosine")[0] == 1);
  for (const char* name : {"mean_shift", "variance_shift", "qmse"})
    BOOST_TEST(doubles(frame, fmt::format("channelwise/output/local_{}", name)) ==
               (std::vector<double>{0, 0, 0}));
}

BOOST_AUTO_TEST_CASE(shifts_agree_with_long_double) {
  const auto x = random_values(64 * 50, 10);
  auto q = x;
  for (float& value : q) value = std::round(value * 4) / 4 + 0.5f;
  const Frame frame = compared(x, q, 50, 1, {16, 2, 7, 1000});
  const auto moments = [](const std::vector<float>& values) {
    long double mean = 0, square = 0;
    for (float value : values) mean += value;
    mean /= values.size();
    for (float value : values) square += (value - mean) * (value - mean);
    return std::pair(mean, square / values.size());
  };
  const auto [mean_x, variance_x] = moments(x);
  const auto [mean_q, variance_q] = moments(q);
  BOOST_TEST(std::abs(doubles(frame, "layerwise/output/local_mean_shift")[0] -
                      static_cast<double>(mean_q - mean_x)) < 1e-14);
  BOOST_TEST(std::abs(doubles(frame, "layerwise/output/local_variance_shift")[0] -
                      static_cast<double>(variance_q - variance_x)) < 1e-12);
}

BOOST_AUTO_TEST_CASE(added_error_is_accumulated_less_propagated) {
  Frame frame({0, 2});
  const std::vector<double> accumulated{3, 1}, propagated{1, 2};
  frame.channel("output", {"accumulated_qmse", "1", "", "", ""}, 0,
                std::span<const double>(accumulated));
  frame.channel("output", {"propagated_qmse", "1", "", "", ""}, 0,
                std::span<const double>(propagated));
  frame.layer("output", {"accumulated_qmse", "1", "", "", ""}, 0, 2.0);
  frame.layer("output", {"propagated_qmse", "1", "", "", ""}, 0, 1.5);
  save_added_error(frame, "output", 0);
  BOOST_TEST(doubles(frame, "channelwise/output/added_qmse") == (std::vector<double>{2, -1}));
  BOOST_TEST(doubles(frame, "layerwise/output/added_qmse")[0] == 0.5);
}

BOOST_AUTO_TEST_CASE(results_do_not_depend_on_batches_workers_or_tiles) {
  const int64_t rows = 9, channels = 19;
  const auto x = random_values(83 * rows * channels);
  auto q = x;
  for (float& value : q) value = std::round(value * 16) / 16;
  const Frame expected = compared(x, q, rows, channels, {});
  for (int64_t batch : {8, 16, 64})
    for (int workers : {1, 2, 3})
      BOOST_TEST(same_bits(compared(x, q, rows, channels, {batch, workers, 5, 7}), expected));
}

BOOST_AUTO_TEST_CASE(errors_agree_with_long_double) {
  const int64_t channels = 3;
  const auto x = random_values(64 * 50 * channels, 10);
  auto q = x;
  for (float& value : q) value = std::round(value * 16) / 16;
  const Frame frame = compared(x, q, 50, channels, {16, 2, 7, 1000});
  long double error = 0, signal = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const long double difference = static_cast<long double>(x[i]) - q[i];
    error += difference * difference;
    signal += static_cast<long double>(x[i]) * x[i];
  }
  const auto qmse = static_cast<double>(error / x.size());
  const auto sqnr = static_cast<double>(10 * std::log10(signal / error));
  BOOST_TEST(doubles(frame, "layerwise/output/local_qmse")[0] == qmse,
             boost::test_tools::tolerance(1e-13));
  BOOST_TEST(doubles(frame, "layerwise/output/local_sqnr")[0] == sqnr,
             boost::test_tools::tolerance(1e-13));
}

BOOST_AUTO_TEST_CASE(ratios_at_the_edges_are_infinite_or_nan) {
  BOOST_TEST(signal_to_noise(0, 0) == HUGE_VAL);
  BOOST_TEST(signal_to_noise(0, 1) == -HUGE_VAL);
  BOOST_TEST(std::isnan(signal_to_noise(NAN, 1)));
  BOOST_TEST(std::isnan(signal_to_noise(1, NAN)));
}

BOOST_AUTO_TEST_CASE(values_that_are_not_finite_show) {
  const Frame frame = compared({1, 2, NAN, 3, HUGE_VALF, 4}, {1, 2, 0, 3, 5, 4}, 2, 3, {});
  const auto& qmse = doubles(frame, "channelwise/output/local_qmse");
  BOOST_TEST(qmse[0] == 0);
  BOOST_TEST(qmse[1] == HUGE_VAL);
  BOOST_TEST(std::isnan(qmse[2]));
  BOOST_TEST(std::isnan(doubles(frame, "layerwise/output/local_sqnr")[0]));
}

BOOST_AUTO_TEST_CASE(nothing_compared_is_nan) {
  Frame frame({0, 2});
  ErrorStatistics(2, 2).save(frame, "output", 0, "accumulated");
  BOOST_TEST(std::isnan(doubles(frame, "layerwise/output/accumulated_qmse")[0]));
  BOOST_TEST(std::isnan(doubles(frame, "channelwise/output/accumulated_sqnr")[1]));
}

BOOST_AUTO_TEST_CASE(tiles_of_different_size_are_refused) {
  const std::vector<float> x(6);
  ErrorStatistics statistics(2, 1);
  const Tile two{x.data(), 2, 2, 2, 0, 0, 0, 0}, three{x.data(), 3, 2, 2, 0, 0, 0, 0};
  BOOST_CHECK_THROW(statistics.add(two, three), Error);
}

BOOST_AUTO_TEST_SUITE_END()
