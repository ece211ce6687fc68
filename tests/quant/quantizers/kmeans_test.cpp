// K-means levels against every partition of few values, and against Lloyd from a linear start.
#include "quant/quantizers/kmeans.h"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <map>

#include "framework/base/rng.h"
#include "tests/quant/helpers.h"

namespace quantdyn::test {
namespace {

using Floats = std::vector<float>;

Distribution distribution_of(const Floats& values) {
  std::map<float, uint64_t> counts;
  for (const float value : values) ++counts[value];
  Distribution out;
  for (const auto& [value, count] : counts) {
    out.values.push_back(value);
    out.counts.push_back(count);
  }
  return out;
}

template <typename T>
double error_of_levels(const Distribution& points, const std::vector<T>& levels) {
  double sum = 0;
  for (size_t i = 0; i < points.values.size(); ++i) {
    double least = HUGE_VAL;
    for (const double level : levels)
      least = std::min(least, (points.values[i] - level) * (points.values[i] - level));
    sum += static_cast<double>(points.counts[i]) * least;
  }
  return sum;
}

/// The least error of all ways to cut the values from `begin` on into at most `clusters` runs with
/// their means as levels; one of them has level 0, or is spent on it, where `needs_zero`.
double least_error(const Distribution& points, size_t begin, int64_t clusters, bool needs_zero) {
  if (begin == points.values.size()) return needs_zero && clusters == 0 ? HUGE_VAL : 0;
  if (clusters == 0) return HUGE_VAL;
  double best = HUGE_VAL;
  for (size_t end = begin + 1; end <= points.values.size(); ++end) {
    const Distribution run{{points.values.begin() + begin, points.values.begin() + end},
                           {points.counts.begin() + begin, points.counts.begin() + end}};
    double weight = 0, sum = 0;
    for (size_t i = 0; i < run.values.size(); ++i) {
      weight += static_cast<double>(run.counts[i]);
      sum += static_cast<double>(run.counts[i]) * run.values[i];
    }
    best = std::min(best, error_of_levels(run, std::vector<double>{sum / weight}) +
                              least_error(points, end, clusters - 1, needs_zero));
    if (needs_zero)
      best = std::min(
          best, error_of_levels(run, Floats{0}) + least_error(points, end, clusters - 1, false));
  }
  return best;
}

/// Lloyd's iterations from levels evenly spaced over the range (Han et al. 2016, section 3.2).
double lloyd_from_linear(const Distribution& points, int64_t count) {
  std::vector<double> levels;
  const double low = points.values.front(), high = points.values.back();
  for (int64_t i = 0; i < count; ++i)
    levels.push_back(low + (high - low) * static_cast<double>(i) / static_cast<double>(count - 1));
  for (int round = 0; round < 300; ++round) {
    std::vector<double> sum(levels.size()), weight(levels.size());
    for (size_t i = 0; i < points.values.size(); ++i) {
      size_t best = 0;
      for (size_t k = 1; k < levels.size(); ++k)
        if (std::abs(points.values[i] - levels[k]) < std::abs(points.values[i] - levels[best]))
          best = k;
      sum[best] += static_cast<double>(points.counts[i]) * points.values[i];
      weight[best] += static_cast<double>(points.counts[i]);
    }
    for (size_t k = 0; k < levels.size(); ++k)
      if (weight[k] > 0) levels[k] = sum[k] / weight[k];
  }
  return error_of_levels(points, levels);
}

Floats draw(size_t n, uint64_t seed) {
  Floats out;
  for (uint64_t i = 0; i < n; ++i) {
    const double x = Rng(seed).normal(i);
    out.push_back(static_cast<float>(x * x * x));
  }
  return out;
}

std::unique_ptr<Quantization> fit(const std::string& options, const Floats& values, Range range) {
  const auto scheme = quantizer("{name: codebook, " + options + "}");
  BOOST_TEST(scheme->needs_values());
  return scheme->fit({"tensor", 1, {range}, {distribution_of(values)}});
}

}  // namespace

BOOST_AUTO_TEST_SUITE(kmeans)

BOOST_AUTO_TEST_CASE(levels_are_the_means_of_clusters) {
  const Distribution points = distribution_of({0, 1, 1, 1, 10, 12, 100});
  BOOST_TEST(kmeans_levels(points, 3, ZeroLevel::free) == (Floats{0.75f, 11, 100}));
  BOOST_TEST(kmeans_levels(points, 3, ZeroLevel::fixed) == (Floats{0, 11, 100}));
  BOOST_TEST(kmeans_levels(points, 5, ZeroLevel::free) == (Floats{0, 1, 10, 12, 100}));
  BOOST_TEST(kmeans_levels(points, 9, ZeroLevel::free) == (Floats{0, 1, 10, 12, 100}));
  BOOST_TEST(kmeans_levels(distribution_of({3, 3}), 4, ZeroLevel::free) == Floats{3});
  BOOST_TEST(kmeans_levels(distribution_of({3, 3}), 4, ZeroLevel::fixed) == (Floats{0, 3}));
}

BOOST_AUTO_TEST_CASE(no_partition_has_less_error) {
  for (uint64_t seed = 0; seed < 40; ++seed)
    for (const int64_t count : {2, 3, 4})
      for (const ZeroLevel zero : {ZeroLevel::free, ZeroLevel::fixed}) {
        Floats values = draw(9, seed);
        if (seed % 3 == 0) values.insert(values.end(), {values[0], values[0], values[3]});
        if (seed % 4 == 1)
          for (float& x : values) x += 5;  // 0 lies outside
        const Distribution points = distribution_of(values);
        const Floats levels = kmeans_levels(points, count, zero);
        BOOST_TEST(static_cast<int64_t>(levels.size()) <= count);
        if (zero == ZeroLevel::fixed) BOOST_TEST(std::ranges::count(levels, 0.0f) == 1);
        BOOST_TEST(error_of_levels(points, levels) <=
                   least_error(points, 0, count, zero == ZeroLevel::fixed) * (1 + 1e-5) + 1e-9);
      }
}

BOOST_AUTO_TEST_CASE(lloyd_from_a_linear_start_is_never_better) {
  bool is_ever_worse = false;
  for (uint64_t seed = 0; seed < 6; ++seed)
    for (const int64_t count : {3, 16, 60}) {
      const Distribution points = distribution_of(draw(seed % 2 == 0 ? 700 : 9000, seed));
      const double ours = error_of_levels(points, kmeans_levels(points, count, ZeroLevel::free));
      const double linear = lloyd_from_linear(points, count);
      BOOST_TEST(ours <= linear * (1 + 1e-6));
      is_ever_worse |= ours < linear * 0.9;
    }
  BOOST_TEST(is_ever_worse);
}

BOOST_AUTO_TEST_CASE(an_outlier_gets_a_level_and_costs_no_precision) {
  Floats values = draw(500, 3);
  values.push_back(-1e9f);
  const Distribution points = distribution_of(values);
  const Floats levels = kmeans_levels(points, 9, ZeroLevel::free);
  BOOST_TEST(levels[0] == -1e9f);
  values.pop_back();
  const Distribution rest = distribution_of(values);
  BOOST_TEST(error_of_levels(points, levels) ==
                 error_of_levels(rest, kmeans_levels(rest, 8, ZeroLevel::free)),
             boost::test_tools::tolerance(1e-6));
}

BOOST_AUTO_TEST_CASE(the_same_values_give_the_same_levels) {
  const Distribution points = distribution_of(draw(20000, 1));
  BOOST_TEST(kmeans_levels(points, 32, ZeroLevel::free) ==
             kmeans_levels(points, 32, ZeroLevel::free));
}

BOOST_AUTO_TEST_CASE(a_codebook_has_as_many_bits_as_its_levels_need) {
  BOOST_TEST(quantizer("codebook")->bit_width() == 4);
  for (const auto& [levels, bit_width] :
       std::map<int, int>{{2, 1}, {3, 2}, {5, 3}, {17, 5}, {256, 8}})
    BOOST_TEST(quantizer(fmt::format("{{name: codebook, levels: {}}}", levels))->bit_width() ==
               bit_width);
  const auto q = fit("levels: 3", {0, 1, 1, 1, 10, 12, 100}, {0, 100});
  BOOST_TEST(codes_of(*q, {-5, 5.8f, 5.9f, 60, 1e9f}) == (std::vector<int32_t>{0, 0, 1, 2, 2}));
  BOOST_TEST(applied(*q, {5.8f, 60}) == (Floats{0.75f, 100}));
  BOOST_TEST(std::isnan(q->levels(0)[3]));
  BOOST_TEST(!q->affine(0).has_value());
  BOOST_TEST(quantizer("codebook")->width({1, 3}) == 2);
}

BOOST_AUTO_TEST_CASE(values_outside_the_range_count_at_its_ends) {
  const auto q = fit("levels: 2", {-50, 0, 1, 9, 10, 1000}, {0, 10});
  BOOST_TEST(applied(*q, {0, 99}) == (Floats{1 / 3.0f, 29 / 3.0f}));
  BOOST_TEST(applied(*fit("levels: 2, zero_level: true", {-50, 0, 1, 9, 10, 1000}, {0, 10}),
                     {0, 99}) == (Floats{0, 29 / 3.0f}));
}

BOOST_AUTO_TEST_CASE(bad_options_are_refused_with_their_line) {
  const auto error = [](const std::string& options) {
    return error_of<ConfigError>([&] { quantizer("{name: codebook, " + options + "}"); });
  };
  BOOST_TEST(error("levels: 1") ==
             "test.yaml:1: levels: 1 is out of range; accepted: a whole number from 2 to 256");
  BOOST_TEST(contains(error("bit_width: 4"), "bit_width: unknown key"));
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace quantdyn::test
