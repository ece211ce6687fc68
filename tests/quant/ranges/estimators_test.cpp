// Range estimators from extremes, counts and moments: ranges by hand.
#include <boost/test/unit_test.hpp>
#include <cmath>

#include "tests/quant/helpers.h"
#include "tests/stats/observe.h"

namespace quantdyn::test {
namespace {

using Floats = std::vector<float>;
using Ranges = std::vector<Range>;

/// `chunks` chunks of 8 images of 5 pixels, values with long tails, [rows, channels].
Floats make_activations(int64_t chunks, int64_t channels) {
  Floats out(static_cast<size_t>(chunks * 8 * 5 * channels));
  uint32_t state = 7;
  for (float& x : out) {
    state = state * 1664525u + 1013904223u;
    const float u = static_cast<float>(state >> 8) * 0x1p-24f - 0.4f;
    x = u * u * u * 20;
  }
  return out;
}

/// Of values [images, channels], shown chunk by chunk.
Ranges ranges_of_images(const std::string& plugin, const std::string& granularity,
                        const Floats& values, int64_t channels) {
  const auto scheme = quantizer("{name: affine, granularity: " + granularity + "}");
  const auto observer = estimator(plugin)->observe({"conv1/output", channels, scheme.get()});
  cut_up(
      values, 1, channels, {}, [&](const Tile& tile) { observer->add(tile); },
      [&](int64_t chunk, int worker) { observer->end_chunk(chunk, worker); });
  return observer->ranges();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(estimators)

BOOST_AUTO_TEST_CASE(minmax_is_the_smallest_and_largest_value) {
  const Floats x{1, -5, 2, 7, 3, -6};  // [3, 2]
  BOOST_TEST((ranges_of("minmax", "per_tensor", x, 2) == Ranges{{-6, 7}}));
  BOOST_TEST((ranges_of("minmax", "per_channel", x, 2) == Ranges{{1, 3}, {-6, 7}}));
  BOOST_TEST((ranges_of("minmax", "per_channel", {4, 5, 6}, 3) == Ranges{{4, 4}, {5, 5}, {6, 6}}));
}

BOOST_AUTO_TEST_CASE(percentile_cuts_both_ends_alike) {
  Floats x(10001);
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i) - 5000;
  const Range range = ranges_of("{name: percentile, p: 98}", "per_tensor", x, 1)[0];
  BOOST_TEST(std::abs(range.low / -4900 - 1) < 0.002);
  BOOST_TEST(std::abs(range.high / 4900 - 1) < 0.002);
  const Range narrow = ranges_of("{name: percentile, p: 1e-6}", "per_tensor", x, 1)[0];
  BOOST_TEST(narrow.low <= narrow.high);
  BOOST_TEST(std::abs(narrow.low) < 2);
}

BOOST_AUTO_TEST_CASE(percentile_of_100_is_minmax) {
  const Floats x = make_activations(3, 6);
  for (const char* granularity : {"per_tensor", "per_channel"})
    BOOST_TEST((ranges_of("{name: percentile, p: 100}", granularity, x, 6) ==
                ranges_of("minmax", granularity, x, 6)));
}

BOOST_AUTO_TEST_CASE(percentile_leaves_an_outlier_out) {
  Floats x(20000, 0.5f);
  x[77] = 1e6f;
  x[78] = -1e6f;
  const Range range = ranges_of("{name: percentile, p: 99.9}", "per_tensor", x, 1)[0];
  BOOST_TEST(range.low == 0.5, boost::test_tools::tolerance(0.01));
  BOOST_TEST(range.high == 0.5, boost::test_tools::tolerance(0.01));
}

BOOST_AUTO_TEST_CASE(percentile_by_channel_is_that_of_each_channel) {
  const int64_t channels = 17;
  const Floats x = make_activations(4, channels);
  const std::string plugin = "{name: percentile, p: 95}";
  const Ranges all = ranges_of(plugin, "per_channel", x, channels);
  BOOST_TEST(all.size() == 17);
  for (const int64_t c : {0, 3, 16}) {
    Floats one;
    for (size_t i = static_cast<size_t>(c); i < x.size(); i += channels) one.push_back(x[i]);
    BOOST_TEST((all[c] == ranges_of(plugin, "per_tensor", one, 1)[0]));
    BOOST_TEST((all[c] != ranges_of("minmax", "per_tensor", one, 1)[0]));
  }
}

BOOST_AUTO_TEST_CASE(percentile_is_as_fine_for_values_beyond_the_usual_bins) {
  const Floats x = make_activations(20, 1);
  const std::string plugin = "{name: percentile, p: 90}";
  const Range usual = ranges_of(plugin, "per_tensor", x, 1)[0];
  for (const float scale : {0x1p-40f, 0x1p-14f, 0x1p20f, 0x1p100f}) {
    Floats scaled = x;
    for (float& value : scaled) value *= scale;
    const Range range = ranges_of(plugin, "per_tensor", scaled, 1)[0];
    BOOST_TEST(range.low == usual.low * scale);
    BOOST_TEST(range.high == usual.high * scale);
  }
}

BOOST_AUTO_TEST_CASE(moving_average_steps_over_windows_of_images) {
  Floats x(40, 0.5f);  // windows of 16, 16 and 8 images
  x[3] = -2;
  x[9] = 4;
  x[16] = 10;
  x[31] = -1;
  x[39] = 0;
  const std::string plugin = "{name: moving_average, window: 16, constant: 0.25}";
  // low: -2, then a quarter of the way to -1, then to 0; high: 4, to 10, to 0.5.
  const Range expected{-2 * 0.75 * 0.75 - 0.25 * 0.75, (4 * 0.75 + 10 * 0.25) * 0.75 + 0.5 * 0.25};
  BOOST_TEST((ranges_of_images(plugin, "per_tensor", x, 1) == Ranges{expected}));
  BOOST_TEST((ranges_of_images("{name: moving_average, window: 40}", "per_tensor", x, 1) ==
              Ranges{{-2, 10}}));
}

BOOST_AUTO_TEST_CASE(moving_average_of_an_entry_averages_what_its_channels_share) {
  Floats x(32, 0);  // [16, 2], windows of 8
  x[0] = 1;         // channel 0, window 0
  x[17] = 3;        // channel 1, window 1
  const std::string plugin = "{name: moving_average, window: 8, constant: 0.5}";
  BOOST_TEST((ranges_of_images(plugin, "per_channel", x, 2) == Ranges{{0, 0.5}, {0, 1.5}}));
  BOOST_TEST((ranges_of_images(plugin, "per_tensor", x, 2) == Ranges{{0, 2}}));
}

BOOST_AUTO_TEST_CASE(moving_average_of_a_weight_is_refused) {
  BOOST_TEST(contains(estimator("moving_average")->refusal(TensorKind::weight),
                      "calibration images, and a weight has none"));
  BOOST_TEST(contains(
      error_of<ConfigError>([] { variant("{name: a, weights: {estimator: moving_average}}"); }),
      "moving_average steps over calibration images"));
}

BOOST_AUTO_TEST_CASE(sigma_is_about_the_mean) {
  const Floats x{1, 10, 3, 14, 8, 12};  // [3, 2]: mean 4, sigma sqrt(26/3); 12, sqrt(8/3)
  const Ranges ranges = ranges_of("{name: sigma, k: 2, within_ends: false}", "per_channel", x, 2);
  BOOST_TEST(ranges[0].low == 4 - 2 * std::sqrt(26.0 / 3), boost::test_tools::tolerance(1e-15));
  BOOST_TEST(ranges[0].high == 4 + 2 * std::sqrt(26.0 / 3), boost::test_tools::tolerance(1e-15));
  BOOST_TEST(ranges[1].low == 12 - 2 * std::sqrt(8.0 / 3), boost::test_tools::tolerance(1e-15));
  // Together: mean 8, sum of squares 514 - 6 * 64 = 130.
  const Range all = ranges_of("{name: sigma, k: 1}", "per_tensor", x, 2)[0];
  BOOST_TEST(all.low == 8 - std::sqrt(130.0 / 6), boost::test_tools::tolerance(1e-15));
  BOOST_TEST(all.high == 8 + std::sqrt(130.0 / 6), boost::test_tools::tolerance(1e-15));
  BOOST_TEST((ranges_of("{name: sigma, k: 9}", "per_channel", x, 2) == Ranges{{1, 8}, {10, 14}}));
}

BOOST_AUTO_TEST_CASE(sigma_keeps_its_digits_far_from_zero) {
  Floats x(20000);
  for (size_t i = 0; i < x.size(); ++i) x[i] = i % 2 == 0 ? 4e6f : 4e6f + 1;
  const Range range = ranges_of("{name: sigma, k: 1}", "per_tensor", x, 1)[0];
  BOOST_TEST(range.low == 4e6);
  BOOST_TEST(range.high == 4e6 + 1);
}

BOOST_AUTO_TEST_CASE(bad_options_are_refused_with_their_place) {
  const auto error = [](const std::string& plugin) {
    return error_of<ConfigError>([&] { estimator(plugin); });
  };
  BOOST_TEST(error("{name: percentile, p: 0}") ==
             "test.yaml:1: p: 0 is out of range; accepted: a number over 0 and at most 100");
  BOOST_TEST(contains(error("{name: percentile, p: 100.1}"), "p: 100.1 is out of range"));
  BOOST_TEST(contains(error("{name: minmax, p: 99}"), "p: unknown key"));
  BOOST_TEST(
      contains(error("{name: moving_average, window: 12}"), "window: 12 is not a multiple of 8"));
  BOOST_TEST(contains(error("{name: moving_average, constant: 0}"), "constant: 0 is out of range"));
  BOOST_TEST(contains(error("{name: sigma, k: 0}"), "accepted: a number over 0"));
  BOOST_TEST(contains(error("median"), "unknown name 'median'; accepted: "));
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace quantdyn::test
