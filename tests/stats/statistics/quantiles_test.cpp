#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <vector>

#include "stats/statistics/quantile_places.h"
#include "stats/tracking/tracker.h"
#include "tests/stats/observe.h"

using namespace quantdyn;

namespace {

constexpr size_t fractions = quantile_fractions.size();

StatisticKinds kinds(const std::string& names) {
  return read_statistics(Options::from_text("statistics: " + names, "test.yaml"));
}

/// numpy.quantile(values, fraction) by its definition, NaN left out.
double reference(std::vector<float> values, double fraction) {
  std::erase_if(values, [](float value) { return std::isnan(value); });
  std::ranges::sort(values);
  const double place = fraction * static_cast<double>(values.size() - 1);
  const auto k = static_cast<size_t>(place);
  const double lower = values[k], upper = values[std::min(k + 1, values.size() - 1)];
  return lower == upper ? lower : std::lerp(lower, upper, place - static_cast<double>(k));
}

std::vector<float> channel_of(const std::vector<float>& x, int64_t channels, int64_t c) {
  std::vector<float> out;
  for (size_t i = static_cast<size_t>(c); i < x.size(); i += static_cast<size_t>(channels))
    out.push_back(x[i]);
  return out;
}

/// x [images, rows, channels], shown as often as the statistics want.
Frame tracked(const std::vector<float>& x, int64_t rows, int64_t channels,
              const StatisticKinds& statistics, const Cut& cut = {}) {
  Frame frame({0, channels});
  Tracker tracker(channels, cut.workers, statistics);
  do {
    cut_up(
        x, rows, channels, cut, [&](const Tile& tile) { tracker.add(tile); },
        [&](int64_t chunk, int worker) { tracker.end_chunk(chunk, worker); });
  } while (tracker.another_pass());
  tracker.finish(frame, "output", 0);
  return frame;
}

/// Channels of every kind: plain, of whole numbers, constant, with what is not finite, huge, tiny.
std::vector<float> mixed_values(int64_t rows, int64_t channels) {
  auto x = random_values(rows * channels, 0.5f, 2);
  for (int64_t row = 0; row < rows; ++row) {
    x[row * channels + 1] = std::round(x[row * channels + 1]);
    x[row * channels + 2] = -3.25f;
    x[row * channels + 4] *= 1e5f;
    x[row * channels + 5] *= 1e-9f;
  }
  for (int64_t row = 0; row < rows; row += 50) {
    x[row * channels + 3] = NAN;
    x[(row + 1) * channels + 3] = -std::numeric_limits<float>::infinity();
    x[(row + 2) * channels + 3] = -0.0f;
  }
  return x;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(quantiles_test)

BOOST_AUTO_TEST_CASE(ranks_are_numpy_s) {
  const QuantileRanks median(0.5, 4);
  BOOST_TEST(median.lower == 1u);
  BOOST_TEST(median.upper == 2u);
  BOOST_TEST(median.weight == 0.5);
  BOOST_TEST(median.between(10, 20) == 15);
  const QuantileRanks whole(0.25, 5);
  BOOST_TEST(whole.lower == 1u);
  BOOST_TEST(whole.upper == 1u);
  BOOST_TEST(QuantileRanks(0.999, 1).upper == 0u);
}

BOOST_AUTO_TEST_CASE(the_quantile_lies_in_the_bin_that_is_reported) {
  const int64_t rows = 40, channels = 6;
  const auto x = mixed_values(64 * rows, channels);
  for (const char* names : {"[quantiles]", "[moments, quantiles]"}) {
    const Frame frame = tracked(x, rows, channels, kinds(names), {64, 2, 7, 1000});
    const auto check = [&](const std::string& scope, int64_t entry, const std::vector<float>& of) {
      const auto at = [&](const std::string& name, size_t i) {
        return doubles(frame,
                       scope + "/output/" + name)[static_cast<size_t>(entry) * fractions + i];
      };
      for (size_t i = 0; i < fractions; ++i) {
        const double expected = reference(of, quantile_fractions[i]);
        BOOST_TEST(at("quantile_lower", i) <= expected);
        BOOST_TEST(at("quantile_upper", i) >= expected);
        BOOST_TEST(at("quantile_lower", i) <= at("quantiles", i));
        BOOST_TEST(at("quantile_upper", i) >= at("quantiles", i));
      }
    };
    for (int64_t c = 0; c < channels; ++c) check("channelwise", c, channel_of(x, channels, c));
    check("layerwise", 0, x);
  }
}

BOOST_AUTO_TEST_CASE(known_ends_draw_the_outer_bins_in) {
  const std::vector<float> x{1.01f, 1.02f, 1.03f, 1.04f};
  const Frame bare = tracked(x, 4, 1, kinds("[quantiles]"));
  const Frame drawn = tracked(x, 4, 1, kinds("[moments, quantiles]"));
  BOOST_TEST(doubles(bare, "layerwise/output/quantile_lower")[0] == 1);
  BOOST_TEST(doubles(bare, "layerwise/output/quantile_upper")[0] == 1.125);
  BOOST_TEST(doubles(drawn, "layerwise/output/quantile_lower")[0] == double{1.01f});
  BOOST_TEST(doubles(drawn, "layerwise/output/quantile_upper")[0] == double{1.04f});
}

BOOST_AUTO_TEST_CASE(exact_quantiles_are_those_of_the_sorted_values) {
  const int64_t rows = 40, channels = 6;
  const auto x = mixed_values(64 * rows, channels);
  const StatisticKinds exact = kinds("[{name: quantiles, exact: true}]");
  const Frame frame = tracked(x, rows, channels, exact, {64, 3, 7, 4});
  const auto& found = doubles(frame, "channelwise/output/quantiles");
  for (int64_t c = 0; c < channels; ++c)
    for (size_t i = 0; i < fractions; ++i)
      BOOST_TEST(found[static_cast<size_t>(c) * fractions + i] ==
                 reference(channel_of(x, channels, c), quantile_fractions[i]));
  for (size_t i = 0; i < fractions; ++i)
    BOOST_TEST(doubles(frame, "layerwise/output/quantiles")[i] ==
               reference(x, quantile_fractions[i]));
  BOOST_TEST(same_bits(frame, tracked(x, rows, channels, exact)));
}

BOOST_AUTO_TEST_CASE(exact_quantiles_need_one_pass_where_no_value_is_in_doubt) {
  const std::vector<float> zeros(64);
  Tracker tracker(2, 1, kinds("[{name: quantiles, exact: true}]"));
  tracker.add({zeros.data(), 32, 2, 2, 0, 0, 0, 0});
  BOOST_TEST(!tracker.another_pass());
  Frame frame({0, 2});
  tracker.finish(frame, "output", 0);
  BOOST_TEST(doubles(frame, "channelwise/output/quantiles")[fractions] == 0);
}

BOOST_AUTO_TEST_CASE(a_second_pass_of_other_values_is_an_error) {
  const std::vector<float> x(64, 1.0f), y(64, 2.0f);
  Tracker tracker(1, 1, kinds("[{name: quantiles, exact: true}]"));
  tracker.add({x.data(), 64, 1, 1, 0, 0, 0, 0});
  BOOST_TEST(tracker.another_pass());
  tracker.add({y.data(), 64, 1, 1, 0, 0, 0, 0});
  BOOST_CHECK_THROW(tracker.another_pass(), Error);
}

BOOST_AUTO_TEST_CASE(a_tap_that_showed_nothing_has_no_quantiles_and_no_signs) {
  for (const char* names : {"[signs, quantiles]", "[signs, {name: quantiles, exact: true}]"}) {
    Frame frame({0, 2});
    Tracker(2, 3, kinds(names)).finish(frame, "conv", 0);
    BOOST_TEST(std::isnan(doubles(frame, "layerwise/conv/quantiles")[0]));
    BOOST_TEST(std::isnan(doubles(frame, "channelwise/conv/quantiles")[fractions + 1]));
    BOOST_TEST(std::isnan(doubles(frame, "layerwise/conv/zero_fraction")[0]));
  }
}

BOOST_AUTO_TEST_CASE(signs_of_a_small_tensor_are_those_counted_by_hand) {
  const Frame frame = tracked({-1, 2, 0, 2, -0.0f, -3, 5, NAN}, 4, 2, kinds("[signs]"));
  BOOST_TEST(doubles(frame, "channelwise/output/zero_fraction") == (std::vector{0.5, 0.0}));
  BOOST_TEST(doubles(frame, "channelwise/output/negative_fraction") == (std::vector{0.25, 0.25}));
  BOOST_TEST(doubles(frame, "layerwise/output/zero_fraction")[0] == 0.25);
  BOOST_TEST(doubles(frame, "layerwise/output/negative_fraction")[0] == 0.25);
  BOOST_TEST(frame.arrays().size() == 4u);  // the counts that they follow from were not asked for
}

BOOST_AUTO_TEST_SUITE_END()
