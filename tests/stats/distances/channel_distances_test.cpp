#include "stats/distances/channel_distances.h"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <vector>

#include "stats/tracking/tracker.h"
#include "tests/stats/observe.h"

using namespace quantdyn;

namespace {

/// A frame whose node `node` has tracked x [rows, channels].
void track(Frame& frame, const std::vector<float>& x, int64_t node,
           const std::string& statistics = "[moments, histogram]") {
  const int64_t channels = frame.channels_of(node);
  const Shape shape{static_cast<int64_t>(x.size()) / channels, channels};
  const auto kinds = read_statistics(Options::from_text("statistics: " + statistics, "test.yaml"));
  track_tensor({x.data(), shape}, kinds, frame, "weight", node);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(channel_distances_test)

BOOST_AUTO_TEST_CASE(distances_to_the_layer_are_those_computed_by_hand) {
  // Channels {0, 0}, {1, 1} and {0, 1}: the layer has halves at 0 and at 1.
  Frame frame({0, 1, 4});
  track(frame, {0, 1, 0, 0, 1, 1}, 1);
  save_channel_distances(frame, "weight");
  const auto js = frame.channel_values<double>("weight", "js_to_layer", 1);
  const auto wasserstein = frame.channel_values<double>("weight", "wasserstein_to_layer", 1);
  // KL((1,0) || (3/4,1/4)) and KL((1/2,1/2) || (3/4,1/4)).
  const double expected = (std::log2(4 / 3.0) + std::log2(2 / 3.0) / 2 + 0.5) / 2;
  BOOST_TEST(js[0] == expected, boost::test_tools::tolerance(1e-15));
  BOOST_TEST(js[1] == js[0]);
  BOOST_TEST(js[2] == 0);
  BOOST_TEST((wasserstein[0] == 0.5 && wasserstein[1] == 0.5 && wasserstein[2] == 0));
  BOOST_TEST(frame.layer_values<double>("weight", "average_js_to_layer", 1)[0] == 2 * js[0] / 3);
  BOOST_TEST(frame.layer_values<double>("weight", "average_wasserstein_to_layer", 1)[0] == 1 / 3.0);
  BOOST_TEST(std::isnan(frame.layer_values<double>("weight", "average_js_to_layer", 0)[0]));
}

BOOST_AUTO_TEST_CASE(channels_that_are_samples_of_their_layer_have_no_excess) {
  // 4,000 channels of 9 values of one distribution; then their second half is moved.
  constexpr int64_t channels = 4000, rows = 9;
  std::vector<float> x = random_values(rows * channels);
  const auto excess_of = [&] {
    Frame frame({0, channels});
    track(frame, x, 0);
    save_channel_distances(frame, "weight");
    const auto js = frame.channel_values<double>("weight", "js_to_layer", 0);
    const auto excess = frame.channel_values<double>("weight", "js_to_layer_excess", 0);
    for (int64_t c = 1; c < channels; ++c)
      BOOST_TEST_REQUIRE(js[c] - excess[c] == js[0] - excess[0],
                         boost::test_tools::tolerance(1e-12));
    return std::pair{frame.layer_values<double>("weight", "average_js_to_layer_excess", 0)[0],
                     js[0] - excess[0]};
  };
  const auto [sampled, expected] = excess_of();
  BOOST_TEST(expected > 0.5);  // bit: what nine values cost
  BOOST_TEST(std::abs(sampled) < 0.005);
  for (size_t i = 0; i < x.size(); ++i)
    if (i % channels >= channels / 2) x[i] += 4;
  BOOST_TEST(excess_of().first > 0.03);
}

BOOST_AUTO_TEST_CASE(a_single_channel_is_its_layer) {
  Frame frame({0, 1});
  track(frame, random_values(100), 0);
  save_channel_distances(frame, "weight");
  for (const char* name : {"js_to_layer", "wasserstein_to_layer"})
    BOOST_TEST(frame.channel_values<double>("weight", name, 0)[0] == 0, name);
}

BOOST_AUTO_TEST_CASE(a_channel_of_nan_alone_has_no_distance_and_its_layer_no_mean) {
  Frame frame({0, 2});
  track(frame, {NAN, 1, NAN, 2}, 0);
  save_channel_distances(frame, "weight");
  const auto js = frame.channel_values<double>("weight", "js_to_layer", 0);
  BOOST_TEST(std::isnan(js[0]));
  BOOST_TEST(js[1] == 0);
  BOOST_TEST(std::isnan(frame.layer_values<double>("weight", "average_js_to_layer", 0)[0]));
  BOOST_TEST(
      std::isnan(frame.layer_values<double>("weight", "average_wasserstein_to_layer", 0)[0]));
}

BOOST_AUTO_TEST_CASE(threads_change_no_bit) {
  const auto with_threads = [](int threads) {
    Frame frame({0, 5, 12});
    track(frame, random_values(500), 0);
    track(frame, random_values(700, 1, 3), 1);
    const int before = worker_count();
    set_worker_count(threads);
    save_channel_distances(frame, "weight");
    set_worker_count(before);
    return frame;
  };
  const Frame one = with_threads(1);
  for (int threads : {2, 3}) BOOST_TEST(same_bits(one, with_threads(threads)));
}

BOOST_AUTO_TEST_CASE(without_histograms_nothing_is_written_and_without_ends_bins_are_whole) {
  Frame none({0, 2}), no_ends({0, 2});
  track(none, {1, 2, 1, 2}, 0, "[moments]");
  const size_t before = none.arrays().size();
  save_channel_distances(none, "weight");
  BOOST_TEST(none.arrays().size() == before);
  track(no_ends, {1, 2, 1, 2}, 0, "[histogram]");
  save_channel_distances(no_ends, "weight");
  BOOST_TEST(no_ends.channel_values<double>("weight", "wasserstein_to_layer", 0)[0] ==
             (2.125 - 1.0625) / 2);
}

BOOST_AUTO_TEST_SUITE_END()
