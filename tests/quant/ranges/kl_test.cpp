// The estimator kl: the published example, a plain reference, and what outliers do.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <numeric>
#include <random>

#include "quant/ranges/kl_threshold.h"
#include "quant/ranges/linear_histograms.h"
#include "tests/quant/helpers.h"

namespace quantdyn::test {
namespace {

using Counts = std::vector<uint64_t>;

/// Sum P log(P / Q) for the first `kept` bins, as the header says it.
double plain_divergence(const Counts& counts, size_t kept, size_t levels) {
  std::vector<double> p(counts.begin(), counts.begin() + static_cast<std::ptrdiff_t>(kept));
  std::vector<double> sums(levels), filled(levels), q;
  for (size_t j = 0; j < kept; ++j) {
    sums[j * levels / kept] += p[j];
    filled[j * levels / kept] += p[j] > 0;
  }
  for (size_t j = 0; j < kept; ++j)
    q.push_back(p[j] > 0 ? sums[j * levels / kept] / filled[j * levels / kept] : 0);
  for (size_t j = kept; j < counts.size(); ++j) p.back() += static_cast<double>(counts[j]);
  const double p_sum = std::accumulate(p.begin(), p.end(), 0.0);
  const double q_sum = std::accumulate(q.begin(), q.end(), 0.0);
  double out = 0;
  for (size_t j = 0; j < kept; ++j)
    if (p[j] > 0) out += p[j] / p_sum * std::log(p[j] / p_sum / (q[j] / q_sum));
  return std::isnan(out) ? HUGE_VAL : out;
}

/// Where the plain divergence is least, of equal ones the largest.
int64_t plain_bins(const Counts& counts, size_t levels) {
  size_t best = levels;
  for (size_t kept = levels; kept <= counts.size(); ++kept)
    if (plain_divergence(counts, kept, levels) <=
        plain_divergence(counts, best, levels) * (1 + 1e-12))
      best = kept;
  return static_cast<int64_t>(best);
}

std::vector<float> with_outlier(size_t count) {
  std::mt19937 generator(1);
  std::normal_distribution<float> normal;
  std::vector<float> out(count);
  for (float& x : out) x = normal(generator);
  out[count / 2] = 40;
  return out;
}

Range range_of(const std::string& options, const std::vector<float>& x,
               const std::string& scheme = "affine") {
  return ranges_for(*quantizer(scheme), "{name: kl" + options + "}", x, 1)[0];
}

}  // namespace

BOOST_AUTO_TEST_SUITE(kl)

BOOST_AUTO_TEST_CASE(the_plain_reference_is_the_published_example) {
  // Migacz 2017: 8 bins to 2 levels are [2, 0, 2, 2, 4, 4, 4, 4].
  const double p[] = {1, 0, 2, 3, 5, 3, 1, 7}, q[] = {2, 0, 2, 2, 4, 4, 4, 4};
  double expected = 0;
  for (int i = 0; i < 8; ++i)
    if (p[i] > 0) expected += p[i] / 22 * std::log(p[i] / q[i]);
  BOOST_TEST(plain_divergence({1, 0, 2, 3, 5, 3, 1, 7}, 8, 2) == expected,
             boost::test_tools::tolerance(1e-14));
}

BOOST_AUTO_TEST_CASE(bins_kept_by_hand) {
  // All four bins: groups [4, 4] and [1, 1], which are shared out as they were.
  BOOST_TEST(tensorrt_bins(Counts{4, 4, 1, 1}, 2) == 4);
  // Without the tail the image is exact: what is clipped is all that diverges, but little of it.
  BOOST_TEST(tensorrt_bins(Counts{1000, 200, 0, 0, 0, 0, 0, 1}, 2) == 2);
  // Nothing beyond an empty bin may be clipped onto it.
  BOOST_TEST(tensorrt_bins(Counts{1000, 0, 0, 200}, 2) == 4);
}

BOOST_AUTO_TEST_CASE(windows_of_too_many_zeros_are_not_chosen) {
  // Three counts in 32768 bins: they cannot give 1e-4 to every empty one.
  Counts counts(32768);
  counts[16384] = 1000;
  counts[16484] = 5;
  counts[32767] = 1;
  const KeptBins kept = onnxruntime_bins(counts, 128);
  BOOST_TEST(kept.last - kept.first < 10000);
  BOOST_TEST(kept.last >= 16484);
}

BOOST_AUTO_TEST_CASE(prefix_sums_find_what_the_plain_sums_find) {
  std::mt19937 generator(2);
  for (int round = 0; round < 40; ++round) {
    Counts counts(static_cast<size_t>(30 + round * 5));
    std::geometric_distribution<uint64_t> geometric(0.02);
    for (size_t i = 0; i < counts.size(); ++i)
      counts[i] = geometric(generator) * (generator() % 4 == 0 ? 0 : 1) / (1 + i / 4);
    for (const size_t levels : {size_t{2}, size_t{7}, size_t{16}})
      BOOST_TEST(tensorrt_bins(counts, static_cast<int64_t>(levels)) == plain_bins(counts, levels));
  }
}

BOOST_AUTO_TEST_CASE(outlier_is_clipped_and_the_range_within_the_ends) {
  const std::vector<float> x = with_outlier(200000);
  for (const char* rule : {"tensorrt", "onnxruntime"}) {
    const Range range = range_of(fmt::format(", rule: {}", rule), x);
    BOOST_TEST(range.high < 8);
    BOOST_TEST(range.high > 2);
    BOOST_TEST(range.low >= -8);
    BOOST_TEST(range.low >= *std::ranges::min_element(x));
  }
}

BOOST_AUTO_TEST_CASE(values_of_one_sign_have_all_levels) {
  std::vector<float> x = with_outlier(100000);
  for (float& value : x) value = std::abs(value);
  BOOST_TEST((range_of("", x) == range_of(", levels: 256", x)));
  BOOST_TEST((range_of("", x, "{name: affine, symmetric: true}") == range_of(", levels: 128", x)));
  BOOST_TEST((range_of(", levels: 128", x) != range_of(", levels: 256", x)));
  BOOST_TEST((range_of("", x).low == *std::ranges::min_element(x)));
}

BOOST_AUTO_TEST_CASE(as_many_levels_as_bins_clip_nothing) {
  const std::vector<float> x = with_outlier(1000);
  for (const char* rule : {"tensorrt", "onnxruntime"})
    BOOST_TEST((range_of(fmt::format(", bins: 64, levels: 64, rule: {}", rule), x).high == 40));
  BOOST_TEST(range_of(", levels: 4096", x).high == 40);
  BOOST_TEST(range_of(", rule: onnxruntime, levels: 4096", x).high == 40);
}

BOOST_AUTO_TEST_CASE(linear_bins_close_at_their_lower_end) {
  const LinearBins bins{.count = 4, .low = -1, .high = 1, .rule = LinearBins::Rule::numpy};
  for (int64_t k = 0; k < 4; ++k) {
    BOOST_TEST(bins.index(bins.edge(k)) == k);
    BOOST_TEST(bins.index(std::nextafter(bins.edge(k + 1), -9.0f)) == k);
  }
  BOOST_TEST(bins.index(1) == 3);
  BOOST_TEST(bins.edge(4) == 1);
}

BOOST_AUTO_TEST_CASE(bad_options_are_refused) {
  const auto error = [](const std::string& plugin) {
    return error_of<ConfigError>([&] { estimator(plugin); });
  };
  BOOST_TEST(contains(error("{name: kl, rule: mxnet}"), "accepted: tensorrt, onnxruntime"));
  BOOST_TEST(contains(error("{name: kl, bins: 1}"), "from 2 to 65536"));
  BOOST_TEST(contains(error("{name: kl, rule: onnxruntime, first_bin: counted}"),
                      "first_bin: has no meaning with rule: onnxruntime"));
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace quantdyn::test
