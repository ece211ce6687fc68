#include "framework/base/rng.h"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <set>
#include <vector>

#include "tests/every_target.h"

using quantdyn::Rng;

BOOST_AUTO_TEST_SUITE(rng_test)

BOOST_AUTO_TEST_CASE(words_are_those_of_the_published_philox_4x32_10) {
  // Random123's known answer for a zero counter and a zero key (Salmon et al. 2011, kat_vectors).
  const auto words = Rng(0).words(0);
  BOOST_TEST(words[0] == 0x6627e8d5u);
  BOOST_TEST(words[1] == 0xe169c58du);
  BOOST_TEST(words[2] == 0xbc57ac4cu);
  BOOST_TEST(words[3] == 0x9b00dbd8u);
}

BOOST_AUTO_TEST_CASE(words_in_a_row_are_the_words_by_index) {
  const Rng rng = Rng(3).fork("row");
  quantdyn::test::on_every_target([&](const std::string& target) {
    for (const uint64_t first : {uint64_t{0}, uint64_t{5}, uint64_t{0x3fffffff0}, ~uint64_t{0} / 2})
      for (const size_t count : {0, 1, 3, 4, 17, 130, 515}) {
        std::vector<uint32_t> words(count + 1, 42);
        rng.fill_words(first, std::span(words).first(count));
        for (uint64_t i = 0; i < count; ++i)
          BOOST_REQUIRE_MESSAGE(words[i] == rng.words((first + i) / 4)[(first + i) % 4], target);
        BOOST_TEST(words[count] == 42u);  // nothing after the end
      }
  });
}

BOOST_AUTO_TEST_CASE(draws_depend_on_seed_names_and_index_only) {
  const Rng rng = Rng(7).fork("augment").fork(3);
  const double late_first = rng.uniform(1000), early = rng.uniform(0);
  BOOST_TEST(Rng(7).fork("augment").fork(3).uniform(0) == early);
  BOOST_TEST(Rng(7).fork("augment").fork(3).uniform(1000) == late_first);
}

BOOST_AUTO_TEST_CASE(seeds_names_numbers_and_order_of_forks_give_different_streams) {
  std::set<uint64_t> firsts;
  const std::vector<Rng> streams = {Rng(1),
                                    Rng(2),
                                    Rng(1).fork("a"),
                                    Rng(1).fork("b"),
                                    Rng(1).fork(""),
                                    Rng(1).fork(uint64_t{0}),
                                    Rng(1).fork(1),
                                    Rng(1).fork("a").fork("b"),
                                    Rng(1).fork("b").fork("a"),
                                    Rng(1).fork(1).fork("a"),
                                    Rng(1).fork("a").fork(1)};
  for (const Rng& stream : streams) {
    const auto w = stream.words(0);
    firsts.insert(w[0] | static_cast<uint64_t>(w[1]) << 32);
  }
  BOOST_TEST(firsts.size() == streams.size());
}

BOOST_AUTO_TEST_CASE(uniform_draws_lie_in_0_to_1_with_mean_and_variance_of_the_law) {
  const Rng rng(11);
  constexpr int n = 100'000;
  double sum = 0, square = 0;
  for (int i = 0; i < n; ++i) {
    const double u = rng.uniform(static_cast<uint64_t>(i));
    BOOST_REQUIRE((u >= 0 && u < 1));
    sum += u;
    square += u * u;
  }
  const double mean = sum / n;
  BOOST_TEST(std::abs(mean - 0.5) < 5 * std::sqrt(1.0 / 12 / n));
  BOOST_TEST(std::abs(square / n - mean * mean - 1.0 / 12) < 0.002);
}

BOOST_AUTO_TEST_CASE(normal_draws_have_the_moments_of_the_law) {
  const Rng rng(12);
  constexpr int n = 100'000;
  double sum = 0, square = 0, fourth = 0;
  for (int i = 0; i < n; ++i) {
    const double z = rng.normal(static_cast<uint64_t>(i));
    BOOST_REQUIRE(std::isfinite(z));
    sum += z;
    square += z * z;
    fourth += z * z * z * z;
  }
  BOOST_TEST(std::abs(sum / n) < 5 / std::sqrt(n));
  BOOST_TEST(std::abs(square / n - 1) < 5 * std::sqrt(2.0 / n));
  BOOST_TEST(std::abs(fourth / n - 3) < 5 * std::sqrt(96.0 / n));
}

BOOST_AUTO_TEST_CASE(below_takes_every_value_about_equally_often) {
  const Rng rng(13);
  std::vector<int> counts(7);
  for (uint64_t i = 0; i < 70'000; ++i) {
    const uint64_t value = rng.below(i, 7);
    BOOST_REQUIRE(value < 7u);
    ++counts[value];
  }
  for (const int count : counts) BOOST_TEST(std::abs(count - 10'000) < 5 * std::sqrt(10'000));
  BOOST_TEST(rng.below(5, 1) == 0u);
  BOOST_TEST(rng.below(5, ~uint64_t{0}) < ~uint64_t{0});
}

BOOST_AUTO_TEST_SUITE_END()
