// Distances by hand, beside SciPy (golden/distances_golden.txt, made by
// golden/make_distances_golden.py) and beside the distance between the values themselves.
#include "stats/distances/distances.h"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <fstream>
#include <map>
#include <sstream>
#include <vector>

#include "framework/base/error.h"
#include "stats/counts/log_histogram.h"
#include "tests/stats/observe.h"

using namespace quantdyn;

namespace {

const BinEdges edges{LogBins{}};

/// Values counted on the bins, with their exact ends.
struct Sample {
  explicit Sample(std::vector<float> v) : values(std::move(v)) { histogram.add(values); }
  BinnedDistribution distribution() const {
    return {edges, histogram.counts(), histogram.minimum(), histogram.maximum()};
  }
  BinnedDistribution without_ends() const { return {edges, histogram.counts(), NAN, NAN}; }

  std::vector<float> values;
  LogHistogram histogram;
};

double wasserstein(const Sample& p, const Sample& q) {
  return wasserstein_distance(p.distribution(), q.distribution());
}
double js(const Sample& p, const Sample& q) {
  return js_divergence(p.distribution().counts(), q.distribution().counts());
}

/// Between the values themselves: the area between the two empirical distributions.
double raw_wasserstein(std::vector<float> p, std::vector<float> q) {
  std::ranges::sort(p);
  std::ranges::sort(q);
  std::vector<double> all(p.begin(), p.end());
  all.insert(all.end(), q.begin(), q.end());
  std::ranges::sort(all);
  const auto share = [](const std::vector<float>& values, double x) {
    const auto below = std::ranges::upper_bound(values, x) - values.begin();
    return static_cast<double>(below) / static_cast<double>(values.size());
  };
  double sum = 0;
  for (size_t i = 0; i + 1 < all.size(); ++i)
    sum += std::abs(share(p, all[i]) - share(q, all[i])) * (all[i + 1] - all[i]);
  return sum;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(distances_test)

BOOST_AUTO_TEST_CASE(divergences_are_those_computed_by_hand) {
  const std::vector<uint64_t> p{1, 1, 2}, q{2, 1, 1}, part{1, 1, 0};
  BOOST_TEST(kl_divergence(p, q) == 0.25 * std::log(0.5) + 0.5 * std::log(2.0),
             boost::test_tools::tolerance(1e-15));  // ln(2) / 4
  // m = 3/8, 1/4, 3/8.
  const double expected = 0.25 * std::log2(0.25 / 0.375) + 0.5 * std::log2(0.5 / 0.375);
  BOOST_TEST(js_divergence(p, q) == expected, boost::test_tools::tolerance(1e-15));
  BOOST_TEST(kl_divergence(p, part) == INFINITY);
  BOOST_TEST(kl_divergence(part, p) == std::log(2.0));
}

BOOST_AUTO_TEST_CASE(the_jensen_shannon_divergence_is_symmetric_and_ends_at_exactly_0_and_1) {
  const std::vector<uint64_t> p{3, 7, 0, 0, 11}, q{0, 1, 5, 0, 9}, far{0, 0, 49, 3, 0},
      multiple{9, 21, 0, 0, 33};
  BOOST_TEST(js_divergence(p, q) == js_divergence(q, p));
  BOOST_TEST(js_divergence(p, multiple) == 0);
  BOOST_TEST(js_divergence(p, far) == 1);
  BOOST_TEST(kl_divergence(p, multiple) == 0);
}

BOOST_AUTO_TEST_CASE(two_points_are_as_far_apart_as_their_values) {
  BOOST_TEST(wasserstein(Sample({1, 1}), Sample({2})) == 1);
  BOOST_TEST(wasserstein(Sample({-3}), Sample({0.5})) == 3.5);
  BOOST_TEST(wasserstein(Sample({0, 0}), Sample({0, 1})) == 0.5);
  BOOST_TEST(wasserstein(Sample({1.0f}), Sample({1.0625f})) == 0.0625);             // within a bin
  BOOST_TEST(wasserstein(Sample({0x1p-30f}), Sample({0x1p-26f})) == 15 * 0x1p-30);  // underflow
  BOOST_TEST(wasserstein(Sample({-5000}), Sample({-6000})) == 1000);                // overflow
}

BOOST_AUTO_TEST_CASE(mass_is_uniform_within_a_bin) {
  const Sample one({1}), two({2}), middle({1.0625f});
  const double width = 0.125;  // of the bin of 1; that of 2 has twice as much
  BOOST_TEST(wasserstein_distance(one.without_ends(), two.without_ends()) ==
             2 + width - (1 + width / 2));
  BOOST_TEST(wasserstein_distance(one.without_ends(), one.distribution()) == width / 2);
  BOOST_TEST(wasserstein_distance(one.without_ends(), middle.distribution()) == width / 4);
  BOOST_TEST(wasserstein_distance(middle.distribution(), one.without_ends()) == width / 4);
}

BOOST_AUTO_TEST_CASE(a_distribution_is_exactly_0_from_itself) {
  std::vector<float> values = random_values(4099, 0.25f, 2);
  for (size_t i = 0; i < values.size(); i += 7) values[i] = 0;
  values.insert(values.end(), {5000, -7000, 1e-9f, INFINITY, -INFINITY, NAN});
  const Sample sample(values);
  BOOST_TEST(wasserstein(sample, sample) == 0);
  BOOST_TEST(wasserstein_distance(sample.without_ends(), sample.without_ends()) == 0);
  BOOST_TEST(js(sample, sample) == 0);
  values.insert(values.end(), values.begin(), values.end());  // twice the counts, the same shares
  BOOST_TEST(wasserstein(sample, Sample(values)) == 0);
  BOOST_TEST(js(sample, Sample(values)) == 0);
}

BOOST_AUTO_TEST_CASE(infinities_count_where_their_shares_differ) {
  // The largest finite value is not known: the bins [1, 1.125) and [2, 2.25).
  BOOST_TEST(wasserstein(Sample({1, INFINITY}), Sample({2, INFINITY})) == (2.125 - 1.0625) / 2);
  BOOST_TEST(wasserstein(Sample({-INFINITY, 1}), Sample({-INFINITY, 2})) == 0.5);
  BOOST_TEST(wasserstein(Sample({1, INFINITY}), Sample({1})) == INFINITY);
  BOOST_TEST(wasserstein(Sample({1}), Sample({-INFINITY, 1, 1})) == INFINITY);
  BOOST_TEST(wasserstein(Sample({-INFINITY}), Sample({INFINITY})) == INFINITY);
  BOOST_TEST(wasserstein(Sample({INFINITY}), Sample({INFINITY})) == 0);
  BOOST_TEST(js(Sample({1, INFINITY}), Sample({1, -INFINITY})) == 0.5);
}

BOOST_AUTO_TEST_CASE(nan_is_left_out_and_nothing_is_nan) {
  const Sample with({NAN, 1, NAN, 3}), same({1, 3}), none(std::vector<float>{}), only({NAN});
  BOOST_TEST(wasserstein(with, same) == 0);
  BOOST_TEST(js(with, same) == 0);
  for (const Sample* empty : {&none, &only})
    for (const Sample* other : {&same, &none}) {
      BOOST_TEST(std::isnan(wasserstein(*empty, *other)));
      BOOST_TEST(std::isnan(wasserstein(*other, *empty)));
      BOOST_TEST(std::isnan(js(*empty, *other)));
      BOOST_TEST(std::isnan(wasserstein_bound(other->distribution(), empty->distribution())));
      const auto counts = empty->distribution(), others = other->distribution();
      BOOST_TEST(std::isnan(kl_divergence(counts.counts(), others.counts())));
    }
}

BOOST_AUTO_TEST_CASE(the_bound_holds_and_is_reached) {
  for (int seed = 0; seed < 40; ++seed) {
    std::vector<float> all = random_values(600, 0, std::exp2(static_cast<float>(seed % 9 - 4)));
    std::vector<float> p(all.begin() + seed, all.begin() + 200 + 3 * seed);
    std::vector<float> q(all.begin() + 400 - seed, all.end());
    for (float& x : p) x = x * 0.5f + 0.01f * static_cast<float>(seed);
    if (seed % 2)
      for (float& x : q) x = std::max(x, 0.0f);
    if (seed % 3 == 0) q.insert(q.end(), {5000.0f, 9000.0f, 7777.0f, 0x1p-27f, 0x1p-25f, -1e-9f});
    const Sample a(p), b(q);
    const double bound = wasserstein_bound(a.distribution(), b.distribution());
    BOOST_TEST(std::abs(wasserstein(a, b) - raw_wasserstein(p, q)) <= bound, "seed " << seed);
  }
  const Sample one({1}), two({2});
  const auto wide = one.without_ends();
  BOOST_TEST(wasserstein_bound(wide, two.distribution()) == 0.0625);
  BOOST_TEST(wasserstein_distance(wide, two.distribution()) == 1 - 0.0625);
}

BOOST_AUTO_TEST_CASE(distances_are_those_of_scipy) {
  std::ifstream in(TEST_DIRECTORY "/distances/golden/distances_golden.txt");
  BOOST_REQUIRE(in.good());
  std::map<std::string, std::vector<float>> values;
  int compared = 0;
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::string kind, a, b, number;
    words >> kind >> a;
    if (kind == "values")
      while (words >> number) values[a].push_back(std::stof(number));
    if (kind != "distances") continue;
    if (!values.contains("relu")) {
      values["relu"] = values["pointwise"];
      for (float& x : values["relu"]) x = std::max(x, 0.0f);
      values["both"] = values["trained"];
      values["both"].insert(values["both"].end(), values["pointwise"].begin(),
                            values["pointwise"].end());
    }
    double expected[3];
    words >> b;
    for (double& e : expected) {
      words >> number;
      e = std::stod(number);
    }
    const Sample p(values[a]), q(values[b]);
    const double bound = wasserstein_bound(p.distribution(), q.distribution());
    BOOST_TEST(std::abs(wasserstein(p, q) - expected[0]) <= bound, line);
    BOOST_TEST(bound < 0.05);
    const double kl = kl_divergence(p.distribution().counts(), q.distribution().counts());
    BOOST_TEST((kl == expected[1] || std::abs(kl - expected[1]) < 1e-14), line << ": " << kl);
    BOOST_TEST(std::abs(js(p, q) - expected[2]) < 1e-14, line << ": " << js(p, q));
    ++compared;
  }
  BOOST_TEST(compared == 25);
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_is_refused) {
  const Sample one({1});
  const std::vector<uint64_t> few{1, 2}, more{1, 2, 3};
  BOOST_CHECK_THROW(kl_divergence(few, more), Error);
  BOOST_CHECK_THROW(js_divergence(few, more), Error);
  BOOST_CHECK_THROW(BinnedDistribution(edges, few, NAN, NAN), Error);
  BOOST_CHECK_THROW(BinnedDistribution(edges, one.histogram.counts(), 0, 1), Error);
  BOOST_CHECK_THROW(BinnedDistribution(edges, one.histogram.counts(), 1, 3), Error);
  const BinEdges fine{LogBins{7, -24}};
  const LogHistogram other(LogBins{7, -24});
  BOOST_CHECK_THROW(wasserstein_distance(one.distribution(), {fine, other.counts(), NAN, NAN}),
                    Error);
}

BOOST_AUTO_TEST_CASE(the_expected_divergence_of_a_sample_is_that_by_hand) {
  // One value of {1/2, 1/2} is (1, 0) or (0, 1); of two, half the time also (1/2, 1/2) itself.
  const std::vector<uint64_t> halves{3, 3}, single{0, 5}, none{0, 0};
  const double one = js_divergence(std::vector<uint64_t>{1, 0}, halves);
  BOOST_TEST(expected_js_divergence(1, halves) == one, boost::test_tools::tolerance(1e-15));
  BOOST_TEST(expected_js_divergence(2, halves) == one / 2, boost::test_tools::tolerance(1e-15));
  BOOST_TEST(expected_js_divergence(7, single) == 0);
  BOOST_TEST(std::isnan(expected_js_divergence(0, halves)));
  BOOST_TEST(std::isnan(expected_js_divergence(1, none)));
}

BOOST_AUTO_TEST_CASE(the_expected_divergence_of_a_sample_is_the_sum_over_all_counts) {
  // Independent: probabilities from lgamma, every count; sizes on both sides of the expansion.
  const auto by_lgamma = [](double n, const std::vector<uint64_t>& q, double total) {
    double sum = 0;
    for (const uint64_t count : q) {
      const double b = static_cast<double>(count) / total;
      for (double k = 0; k <= n; ++k) {
        const double p = std::exp(std::lgamma(n + 1) - std::lgamma(k + 1) - std::lgamma(n - k + 1) +
                                  k * std::log(b) + (n - k) * std::log1p(-b)),
                     a = k / n, middle = (a + b) / 2;
        sum += p * ((k > 0 ? a * std::log2(a / middle) : 0) + b * std::log2(b / middle)) / 2;
      }
    }
    return sum;
  };
  const std::vector<uint64_t> q{1, 40, 300, 659, 9000};
  for (const uint64_t n : {1u, 9u, 100u, 5000u, 30000u, 200000u})
    BOOST_TEST(expected_js_divergence(n, q) == by_lgamma(static_cast<double>(n), q, 10000),
               boost::test_tools::tolerance(1e-7));
}

BOOST_AUTO_TEST_SUITE_END()
