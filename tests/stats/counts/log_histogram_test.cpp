#include "stats/counts/log_histogram.h"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <vector>

#include "framework/base/error.h"
#include "tests/stats/observe.h"

using namespace quantdyn;

namespace {
constexpr float inf = std::numeric_limits<float>::infinity();
constexpr float nan_value = std::numeric_limits<float>::quiet_NaN();

/// Values over all octaves and beyond, both signs, and every special value.
std::vector<float> wide_values() {
  std::vector<float> out = random_values(20000);
  for (size_t i = 0; i < out.size(); ++i)
    out[i] = std::ldexp(out[i], static_cast<int>(i % 50) - 33);
  out.insert(out.end(), {0.0f, -0.0f, inf, -inf, -inf, nan_value});
  return out;
}
}  // namespace

BOOST_AUTO_TEST_SUITE(log_histogram_test)

BOOST_AUTO_TEST_CASE(three_mantissa_bits_give_584_bins) {
  BOOST_TEST(LogBins{}.size() == 584);
  BOOST_TEST((LogBins{7, -24}.size()) == 2 * 36 * 128 + 8);
}

BOOST_AUTO_TEST_CASE(special_values_have_their_bins) {
  const LogBins bins;
  BOOST_TEST(bins.index(-inf) == 0);
  BOOST_TEST(bins.index(-4096.0f) == 1);
  BOOST_TEST(bins.index(std::nextafter(-4096.0f, 0.0f)) == 2);
  BOOST_TEST(bins.index(-0x1p-24f) == 289);
  BOOST_TEST(bins.index(-0x1p-25f) == 290);
  BOOST_TEST(bins.index(-1e-42f) == 290);
  BOOST_TEST(bins.index(0.0f) == 291);
  BOOST_TEST(bins.index(-0.0f) == 291);
  BOOST_TEST(bins.index(1e-42f) == 292);
  BOOST_TEST(bins.index(0x1p-24f) == 293);
  BOOST_TEST(bins.index(std::nextafter(4096.0f, 0.0f)) == 580);
  BOOST_TEST(bins.index(4096.0f) == 581);
  BOOST_TEST(bins.index(std::numeric_limits<float>::max()) == 581);
  BOOST_TEST(bins.index(inf) == 582);
  BOOST_TEST(bins.index(nan_value) == 583);
  BOOST_TEST(bins.index(-nan_value) == 583);
}

BOOST_AUTO_TEST_CASE(one_is_the_first_of_eight_bins_of_its_octave) {
  const LogBins bins;
  const int32_t bin = bins.index(1.0f);
  BOOST_TEST(bin == 293 + 24 * 8);
  BOOST_TEST(bins.lower(bin) == 1.0);
  BOOST_TEST(bins.upper(bin) == 1.125);
  BOOST_TEST(bins.index(1.125f) == bin + 1);
  BOOST_TEST(bins.lower(bins.index(-1.0f)) == -1.125);
  BOOST_TEST(bins.upper(bins.index(-1.0f)) == -1.0);
}

BOOST_AUTO_TEST_CASE(edges_rise_without_gaps_from_minus_to_plus_infinity) {
  for (const LogBins bins : {LogBins{}, LogBins{0, -48}, LogBins{7, -24}}) {
    BOOST_TEST(bins.lower(0) == -HUGE_VAL);
    BOOST_TEST(bins.upper(bins.nan() - 1) == HUGE_VAL);
    BOOST_TEST(std::isnan(bins.lower(bins.nan())));
    BOOST_TEST(std::isnan(bins.upper(bins.nan())));
    BOOST_TEST(bins.lower(1) == -double{std::numeric_limits<float>::max()});
    BOOST_TEST(bins.upper(1) == -std::ldexp(1.0, bins.lowest_exponent + 36));
    for (int32_t bin = 2; bin < bins.nan() - 1; ++bin)
      BOOST_REQUIRE_EQUAL(bins.lower(bin), bins.upper(bin - 1));
    BOOST_TEST(bins.lower(bins.zero()) == 0);
    BOOST_TEST(bins.upper(bins.zero()) == 0);
  }
}

BOOST_AUTO_TEST_CASE(every_value_lies_within_the_edges_of_its_bin) {
  const LogBins bins;
  for (float value : wide_values()) {
    if (std::isnan(value)) continue;
    const int32_t bin = bins.index(value);
    BOOST_REQUIRE_LE(bins.lower(bin), value);
    BOOST_REQUIRE_GE(bins.upper(bin), value);
    if (value > 0 && value < 4096) BOOST_REQUIRE_GT(bins.upper(bin), value);
    if (value < 0 && value > -4096) BOOST_REQUIRE_LT(bins.lower(bin), value);
  }
}

BOOST_AUTO_TEST_CASE(parts_merge_to_the_whole) {
  const auto values = wide_values();
  LogHistogram whole, left, right;
  whole.add(values);
  left.add(std::span(values).first(1234));
  right.add(std::span(values).subspan(1234));
  right.merge(left);
  BOOST_TEST(std::ranges::equal(whole.counts(), right.counts()));
  BOOST_TEST(whole.minimum() == right.minimum());
  BOOST_TEST(whole.maximum() == right.maximum());
  BOOST_TEST(whole.count() == values.size() - 1);
  BOOST_TEST(whole.nan_count() == 1u);
  BOOST_TEST(whole.infinity_count() == 3u);
}

BOOST_AUTO_TEST_CASE(a_tile_counts_only_its_own_channels) {
  const std::vector<float> values{1, 2, 100, 3, 4, 100};
  LogHistogram from_tile, from_values;
  from_tile.add(Tile{values.data(), 2, 2, 3, 0, 0, 0, 0});
  from_values.add(std::vector<float>{1, 2, 3, 4});
  BOOST_TEST(std::ranges::equal(from_tile.counts(), from_values.counts()));
  BOOST_TEST(from_tile.maximum() == 4);
}

BOOST_AUTO_TEST_CASE(quantiles_interpolate_within_a_bin) {
  LogHistogram histogram;
  histogram.add(std::vector<float>{0, 1.0f, 1.03125f, 1.0625f, 1.09375f, 3});
  // Of 6 values the bin [1, 1.125) holds the 2nd to the 5th: half of it lies under 3 of 6.
  const auto median = histogram.quantile(0.5);
  BOOST_TEST(median.value == 1.0625);
  BOOST_TEST(median.lower == 1.0);
  BOOST_TEST(median.upper == 1.125);
  BOOST_TEST(histogram.quantile(0).value == 0);
  BOOST_TEST(histogram.quantile(1).value == 3);
}

BOOST_AUTO_TEST_CASE(quantile_bounds_hold_the_exact_quantile) {
  auto values = random_values(9999);
  values.push_back(-20000.0f);  // overflow
  LogHistogram histogram({7, -24});
  histogram.add(values);
  std::ranges::sort(values);
  for (double fraction : {0.0, 0.0001, 0.001, 0.25, 0.5, 0.77, 0.9999, 1.0}) {
    const auto rank = static_cast<size_t>(std::ceil(fraction * 10000));
    const double exact = values[std::max<size_t>(rank, 1) - 1];
    const auto quantile = histogram.quantile(fraction);
    BOOST_TEST(quantile.lower <= exact);
    BOOST_TEST(quantile.upper >= exact);
    BOOST_TEST(quantile.value >= quantile.lower);
    BOOST_TEST(quantile.value <= quantile.upper);
  }
  BOOST_TEST(histogram.quantile(0).value == -20000.0);
  BOOST_TEST(histogram.quantile(1).value == double{values.back()});
}

BOOST_AUTO_TEST_CASE(quantiles_of_a_lone_value_an_infinity_and_nothing) {
  LogHistogram lone, infinite, empty;
  lone.add(std::vector<float>{0.3f, 0.3f, nan_value});
  BOOST_TEST(lone.quantile(0.4).value == double{0.3f});
  infinite.add(std::vector<float>{1, inf});
  BOOST_TEST(infinite.quantile(1).value == HUGE_VAL);
  BOOST_TEST(infinite.quantile(0).value == 1);
  empty.add(std::vector<float>{nan_value});
  BOOST_TEST(std::isnan(empty.quantile(0.5).value));
  BOOST_TEST(std::isnan(empty.minimum()));
}

BOOST_AUTO_TEST_CASE(stored_counts_make_the_same_histogram) {
  LogHistogram histogram;
  histogram.add(random_values(1000));
  const LogHistogram again(histogram.bins(), histogram.counts(), histogram.minimum(),
                           histogram.maximum());
  BOOST_TEST(again.quantile(0.9).value == histogram.quantile(0.9).value);
  BOOST_TEST(again.quantile(1).value == histogram.quantile(1).value);
}

BOOST_AUTO_TEST_CASE(misuse_is_refused) {
  LogHistogram histogram;
  BOOST_CHECK_THROW(histogram.quantile(1.5), Error);
  BOOST_CHECK_THROW(histogram.quantile(NAN), Error);
  BOOST_CHECK_THROW(histogram.merge(LogHistogram({4, -24})), Error);
  BOOST_CHECK_THROW(LogHistogram({11, -24}), Error);
  BOOST_CHECK_THROW(LogHistogram({3, 92}), Error);
  BOOST_CHECK_THROW(LogHistogram({}, std::vector<uint64_t>(583), 0, 1), Error);
}

BOOST_AUTO_TEST_SUITE_END()
