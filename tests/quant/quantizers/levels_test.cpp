// Tables of levels: thresholds by hand, and the kernel against its reference everywhere.
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>

#include "framework/base/rng.h"
#include "quant/kernels/kernels_levels.h"
#include "quant/quantizers/level_quantization.h"
#include "tests/every_target.h"
#include "tests/quant/helpers.h"

namespace quantdyn::test {
namespace {

using Floats = std::vector<float>;
constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float nan = std::numeric_limits<float>::quiet_NaN();

/// `count` levels, denser about 0; every 7th table has a huge outlier.
LevelSet make_set(int64_t count, uint64_t seed) {
  Floats levels;
  for (int64_t i = 0; i < count; ++i)
    levels.push_back(static_cast<float>(Rng(seed).normal(static_cast<uint64_t>(i))));
  if (seed % 7 == 0) levels.back() = 1e30f;
  std::ranges::sort(levels);
  return LevelSet::nearest(levels);
}

Floats make_values(const LevelSet& set) {
  Floats out{0, -0.0f, infinity, -infinity, nan, -nan, 3e38f, -3e38f, 1e-45f};
  for (const float t : set.thresholds)
    for (const float x : {t, std::nextafter(t, infinity), std::nextafter(t, -infinity)})
      out.push_back(x);
  for (uint64_t i = 0; i < 1000; ++i) out.push_back(static_cast<float>(2 * Rng(5).normal(i)));
  return out;
}

bool agree(const LevelTable& table, const Floats& values, int64_t channels, int64_t gap) {
  const int64_t stride = channels + gap, rows = static_cast<int64_t>(values.size()) / stride;
  const int64_t first_channel = table.columns() > 1 ? 2 : 0;
  Floats kernel = values, reference = values;
  levels_apply(table, tile_of(kernel, rows, channels, stride, first_channel));
  levels_apply_reference(table, tile_of(reference, rows, channels, stride, first_channel));
  return bits(kernel) == bits(reference);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(levels)

BOOST_AUTO_TEST_CASE(thresholds_are_the_smallest_values_that_are_not_nearer_below) {
  BOOST_TEST(LevelSet::nearest({-1, 0, 3}).thresholds == (Floats{-0.5f, 1.5f}));
  // The middle of two neighbouring floats is no float; the upper one is the smallest beyond.
  BOOST_TEST(LevelSet::nearest({1, 1 + 0x1p-23f}).thresholds == (Floats{1 + 0x1p-23f}));
}

BOOST_AUTO_TEST_CASE(values_become_their_levels) {
  const LevelQuantization q(Granularity::per_channel(), 2, 2, 0,
                            {LevelSet::nearest({-1, 0, 3}), LevelSet::nearest({10, 20})});
  BOOST_TEST(applied(q, {-0.6f, 14, -0.5f, 15, 1.5f, infinity, -infinity, -infinity}, 2) ==
             (Floats{-1, 10, 0, 20, 3, 20, -1, 10}));
  BOOST_TEST(codes_of(q, {-0.6f, 14, 99, nan}, 2) == (std::vector<int32_t>{0, 0, 2, no_code}));
  BOOST_TEST(std::isnan(applied(q, {nan, 1}, 2)[0]));
  BOOST_TEST(std::isnan(q.levels(0)[3]));
  BOOST_TEST(q.levels(1)[1] == 20);
}

BOOST_AUTO_TEST_CASE(a_place_is_the_number_of_thresholds_reached) {
  for (const int64_t count : {1, 2, 16, 17, 100, 256}) {
    const LevelSet set = make_set(count, 3);
    const LevelTable table(std::span(&set, 1));
    for (const float x : make_values(set)) {
      if (std::isnan(x)) continue;
      const auto reached = std::ranges::count_if(set.thresholds, [&](float t) { return x >= t; });
      BOOST_REQUIRE(table.place(0, x) == reached);
    }
  }
}

BOOST_AUTO_TEST_CASE(buckets_leave_few_halvings_where_levels_are_spread) {
  Floats even(256);
  for (size_t i = 0; i < even.size(); ++i) even[i] = static_cast<float>(i);
  const LevelSet set = LevelSet::nearest(even);
  BOOST_TEST(LevelTable(std::span(&set, 1)).buckets().halvings == 1);
}

BOOST_AUTO_TEST_CASE(every_instruction_set_gives_the_reference_bits) {
  on_every_target([](const std::string& target) {
    int disagreements = 0;
    for (const int64_t count : {1, 2, 3, 16, 17, 255, 256})
      for (const uint64_t seed : {1, 7})
        for (const int64_t channels : {1, 3, 17, 130})
          for (const int64_t gap : {0, 3}) {
            std::vector<LevelSet> sets{make_set(count, seed)};
            const Floats values = make_values(sets[0]);
            disagreements += !agree(LevelTable(sets), values, channels, gap);
            for (int64_t c = 1; c < channels + 2; ++c)
              sets.push_back(make_set(std::max<int64_t>(1, count - c % 5), seed + c));
            disagreements += !agree(LevelTable(sets), values, channels, gap);
          }
    BOOST_TEST(disagreements == 0, target);
  });
}

BOOST_AUTO_TEST_CASE(levels_closer_than_their_width_allows_are_searched_for) {
  Floats near;  // (high - low) / 1024 is denormal
  for (int i = 0; i < 40; ++i) near.push_back(std::ldexp(static_cast<float>(i), -149));
  const LevelSet set = LevelSet::nearest(near);
  BOOST_TEST(agree(LevelTable(std::span(&set, 1)), make_values(set), 1, 0));
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace quantdyn::test
