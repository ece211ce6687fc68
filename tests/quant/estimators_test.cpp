// Range estimators: hand-computed ranges, and that batches and threads do not matter.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>

#include "framework/threads.h"
#include "tests/quant/helpers.h"

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

/// The ranges when chunks come from `workers` workers in tiles of `tile_rows` x `tile_channels`.
Ranges observed(const std::string& plugin, const std::string& granularity, const Floats& values,
                int64_t channels, int64_t tile_rows, int64_t tile_channels, int workers) {
  const int before = worker_count();
  set_worker_count(workers);
  const auto scheme = quantizer("{name: affine, granularity: " + granularity + "}");
  const auto observer = estimator(plugin)->observe({"conv1/output", channels, scheme.get()});
  const int64_t chunk_rows = 8 * 5;
  const int64_t chunks = static_cast<int64_t>(values.size()) / channels / chunk_rows;
  for (int64_t i = 0; i < chunks; ++i) {
    const int64_t chunk = workers > 1 ? chunks - 1 - i : i;
    const int worker = static_cast<int>(chunk % workers);
    for (int64_t c = 0; c < channels; c += tile_channels)
      for (int64_t r = 0; r < chunk_rows; r += tile_rows)
        observer->add({values.data() + (chunk * chunk_rows + r) * channels + c,
                       std::min(tile_rows, chunk_rows - r), std::min(tile_channels, channels - c),
                       channels, r, c, chunk, worker});
    observer->end_chunk(chunk, worker);
  }
  const Ranges out = observer->ranges();
  set_worker_count(before);
  return out;
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

BOOST_AUTO_TEST_CASE(ranges_do_not_depend_on_tiles_order_or_workers) {
  const int64_t channels = 17;
  const Floats x = make_activations(6, channels);
  for (const char* plugin : {"minmax", "{name: percentile, p: 97}"})
    for (const char* granularity : {"per_tensor", "per_channel"}) {
      const Ranges reference = observed(plugin, granularity, x, channels, 40, channels, 1);
      BOOST_TEST((observed(plugin, granularity, x, channels, 3, 5, 1) == reference));
      BOOST_TEST((observed(plugin, granularity, x, channels, 7, 16, 3) == reference));
      BOOST_TEST((ranges_of(plugin, granularity, x, channels) == reference));
    }
}

BOOST_AUTO_TEST_CASE(values_that_are_not_finite_are_an_error_that_names_their_place) {
  for (const char* plugin : {"minmax", "percentile"})
    for (const float bad :
         {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
      Floats x = make_activations(4, 3);
      x[(2 * 40 + 11) * 3 + 1] = bad;  // chunk 2, channel 1
      x[(3 * 40) * 3] = bad;
      const std::string error =
          error_of<Error>([&] { observed(plugin, "per_tensor", x, 3, 8, 2, 2); });
      BOOST_TEST(error ==
                 "conv1/output: channel 1 holds a NaN or an infinity (in images 16 to 23); a range "
                 "needs finite values");
    }
}

BOOST_AUTO_TEST_CASE(nothing_observed_is_an_error) {
  const auto scheme = quantizer("affine");
  for (const char* plugin : {"minmax", "percentile"}) {
    const auto observer = estimator(plugin)->observe({"conv1/output", 2, scheme.get()});
    BOOST_TEST(contains(error_of<Error>([&] { observer->ranges(); }),
                        "conv1/output: channel 0 had no value"));
  }
}

BOOST_AUTO_TEST_CASE(bad_options_are_refused_with_their_place) {
  const auto error = [](const std::string& plugin) {
    return error_of<ConfigError>([&] { estimator(plugin); });
  };
  BOOST_TEST(error("{name: percentile, p: 0}") ==
             "test.yaml:1: p: 0 is out of range; accepted: a number over 0 and at most 100");
  BOOST_TEST(contains(error("{name: percentile, p: 100.1}"), "p: 100.1 is out of range"));
  BOOST_TEST(contains(error("{name: minmax, p: 99}"), "p: unknown key"));
  BOOST_TEST(contains(error("median"), "unknown name 'median'; accepted: minmax, percentile"));
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace quantdyn::test
