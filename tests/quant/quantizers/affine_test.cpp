// The affine quantizer: scales, zero points, codes and conventions, by hand.
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>

#include "tests/quant/helpers.h"

namespace quantdyn::test {
namespace {

using Floats = std::vector<float>;
using Codes = std::vector<int32_t>;
constexpr float infinity = std::numeric_limits<float>::infinity();

std::unique_ptr<Quantization> fit(const std::string& options, Range range) {
  return quantizer("{name: affine" + (options.empty() ? "" : ", " + options) + "}")
      ->fit({"tensor", 1, {range}, {}});
}

}  // namespace

BOOST_AUTO_TEST_SUITE(affine)

BOOST_AUTO_TEST_CASE(scale_and_zero_point_follow_the_range) {
  const auto q = fit("", {-1, 3});
  BOOST_TEST(q->affine(0)->scale == 4.0f / 255);
  BOOST_TEST(q->affine(0)->zero_point == 64);  // 1 / (4 / 255) = 63.75
  BOOST_TEST(q->bit_width() == 8);
  BOOST_TEST(codes_of(*q, {-1, 0, 3, 1, -7, 7}) == (Codes{0, 64, 255, 128, 0, 255}));
  BOOST_TEST(applied(*q, {0, 3}) == (Floats{0, 191 * (4.0f / 255)}));
}

BOOST_AUTO_TEST_CASE(signed_codes_are_shifted_and_values_the_same) {
  const auto q = fit("signed: true", {-1, 3});
  BOOST_TEST(q->affine(0)->zero_point == 64 - 128);
  BOOST_TEST(q->first_code() == -128);
  BOOST_TEST(codes_of(*q, {-1, 0, 3}) == (Codes{-128, -64, 127}));
  const Floats x{-0.7f, 0.001f, 1.23f, 9};
  BOOST_TEST(applied(*q, x) == applied(*fit("", {-1, 3}), x));
}

BOOST_AUTO_TEST_CASE(ties_go_to_even_or_away_from_zero) {
  const Floats ties{0.5f, 1.5f, 2.5f, -0.5f, -1.5f, -2.5f, 0.49999997f};
  const Range range{-8, 7};  // scale 1
  BOOST_TEST(applied(*fit("bit_width: 4", range), ties) == (Floats{0, 2, 2, 0, -2, -2, 0}));
  BOOST_TEST(applied(*fit("bit_width: 4, rounding: half_away_from_zero", range), ties) ==
             (Floats{1, 2, 3, -1, -2, -3, 0}));
}

BOOST_AUTO_TEST_CASE(order_decides_ties_where_the_zero_point_is_odd) {
  const Range range{-7, 8};  // scale 1, zero point 7
  const Floats ties{0.5f, 1.5f, -0.5f};
  BOOST_TEST(applied(*fit("bit_width: 4", range), ties) == (Floats{0, 2, 0}));
  BOOST_TEST(applied(*fit("bit_width: 4, order: add_then_round", range), ties) ==
             (Floats{1, 1, -1}));
}

BOOST_AUTO_TEST_CASE(division_and_reciprocal_differ_at_a_tie) {
  // In float32 4.5 s / s is 4.5, but 4.5 s times the rounded 1 / s falls beside the tie for this s.
  const float s = 3.0f / 255;
  int different = 0;
  for (int k = 0; k < 255; ++k) {
    const Floats x{(static_cast<float>(k) + 0.5f) * s};
    different += applied(*fit("", {0, 3}), x) != applied(*fit("scaling: reciprocal", {0, 3}), x);
  }
  BOOST_TEST(different > 0);
}

BOOST_AUTO_TEST_CASE(symmetric_scale_is_the_largest_size_over_the_divisor) {
  const auto q = fit("symmetric: true", {-2, 1});
  BOOST_TEST(q->affine(0)->scale == 2.0f / 127);
  BOOST_TEST(q->affine(0)->zero_point == 0);
  BOOST_TEST(codes_of(*q, {-2, 0, 2, -9}) == (Codes{-127, 0, 127, -128}));
  BOOST_TEST(fit("symmetric: true, symmetric_divisor: half_span", {-2, 1})->affine(0)->scale ==
             2.0f / 127.5f);
  const auto restricted = fit("symmetric: true, restricted_range: true", {-2, 1});
  BOOST_TEST(codes_of(*restricted, {-9, 9}) == (Codes{-127, 127}));
  BOOST_TEST(restricted->first_code() == -128);
}

BOOST_AUTO_TEST_CASE(range_without_zero_is_widened_unless_told_otherwise) {
  const auto widened = fit("", {3, 5});
  BOOST_TEST(widened->affine(0)->scale == 5.0f / 255);
  BOOST_TEST(widened->affine(0)->zero_point == 0);
  const auto kept = fit("bit_width: 4, widen_to_zero: false", {30, 45});
  BOOST_TEST(kept->affine(0)->scale == 1);
  BOOST_TEST(kept->affine(0)->zero_point == -30);
  BOOST_TEST(applied(*kept, {0, 31.2f, 45, 99}) == (Floats{30, 31, 45, 45}));
}

BOOST_AUTO_TEST_CASE(range_of_no_width_takes_the_smallest_scale_and_says_so) {
  const auto zero = fit("", {0, 0});
  BOOST_TEST(zero->affine(0)->scale == 0x1p-23f);
  BOOST_TEST(zero->at_smallest_scale(0));
  BOOST_TEST(applied(*zero, {0.0f}) == Floats{0});
  BOOST_TEST(fit("smallest_scale: 0.25", {0, 0})->affine(0)->scale == 0.25f);
  BOOST_TEST(fit("smallest_scale: 0.25, symmetric: true", {0, 0})->at_smallest_scale(0));
  BOOST_TEST(!fit("", {0, 1})->at_smallest_scale(0));
}

BOOST_AUTO_TEST_CASE(single_value_survives_without_widening) {
  for (const float value : {1.0f, -3.7f, 1e-3f, 12345.678f}) {
    const auto q = fit("widen_to_zero: false", {value, value});
    BOOST_TEST(q->at_smallest_scale(0));
    BOOST_TEST(std::abs(int64_t{q->affine(0)->zero_point}) <= 1 << 24);
    BOOST_TEST(std::abs(applied(*q, {value})[0] - value) <= std::abs(value) * 0x1p-23f + 0x1p-24f);
  }
}

BOOST_AUTO_TEST_CASE(denormal_range_takes_the_smallest_scale) {
  const auto q = fit("", {-1e-40, 2e-40});
  BOOST_TEST(q->at_smallest_scale(0));
  BOOST_TEST(applied(*q, {2e-40f, -1e-40f}) == (Floats{0, 0}));
}

BOOST_AUTO_TEST_CASE(nan_stays_and_infinities_saturate) {
  const auto q = fit("", {-1, 1});
  const Floats y = applied(*q, {std::numeric_limits<float>::quiet_NaN(), infinity, -infinity});
  BOOST_TEST(std::isnan(y[0]));
  BOOST_TEST(y[1] == q->levels(0).back());
  BOOST_TEST(y[2] == q->levels(0).front());
  BOOST_TEST(codes_of(*q, {std::numeric_limits<float>::quiet_NaN(), infinity, -infinity}) ==
             (Codes{no_code, 255, 0}));
}

BOOST_AUTO_TEST_CASE(one_huge_outlier_leaves_one_level_for_the_rest) {
  const auto q = fit("", {-1, 1e6});
  BOOST_TEST(codes_of(*q, {-1, 0, 1, 100, 1e6f}) == (Codes{0, 0, 0, 0, 255}));
}

BOOST_AUTO_TEST_CASE(levels_are_the_values_of_the_codes) {
  for (const char* options : {"bit_width: 2", "bit_width: 5, signed: true", "bit_width: 16",
                              "symmetric: true", "rounding: half_away_from_zero"}) {
    const auto q = fit(options, {-0.3, 1.1});
    const Floats levels = q->levels(0);
    BOOST_TEST(levels.size() == size_t{1} << q->bit_width());
    const Codes codes = codes_of(*q, levels);
    for (size_t i = 0; i < levels.size(); ++i)
      BOOST_REQUIRE(codes[i] == q->first_code() + static_cast<int32_t>(i));
    BOOST_TEST(applied(*q, levels) == levels);
  }
  BOOST_TEST(std::isnan(fit("restricted_range: true", {0, 1})->levels(0)[0]));
}

BOOST_AUTO_TEST_CASE(each_channel_has_its_own_scale) {
  const auto scheme = quantizer("{name: affine, granularity: per_channel, bit_width: 4}");
  const std::vector<Range> ranges{{0, 15}, {-8, 7}, {0, 0}};
  const auto q = scheme->fit({"tensor", 3, ranges, {}});
  BOOST_TEST(q->entries() == 3);
  BOOST_TEST(applied(*q, {3.2f, 3.2f, 0, 99, -99, 0}, 3) == (Floats{3, 3, 0, 15, -8, 0}));
  BOOST_TEST(codes_of(*q, {3.2f, 3.2f, 0}, 3) == (Codes{3, 11, 0}));
  BOOST_TEST(q->at_smallest_scale(2));
  Floats tile{3.2f, 99};  // channels 1 and 2
  q->apply(tile_of(tile, 1, 1, 1, 1));
  BOOST_TEST(tile[0] == 3);
}

BOOST_AUTO_TEST_CASE(channels_of_a_group_share_a_scale) {
  const auto scheme =
      quantizer("{name: affine, granularity: per_group, group_size: 2, bit_width: 4}");
  BOOST_TEST(scheme->granularity().entries(3) == 2);
  const auto q = scheme->fit({"tensor", 3, {{0, 15}, {0, 30}}, {}});
  BOOST_TEST(q->entries() == 2);
  BOOST_TEST(applied(*q, {3.2f, 3.2f, 3.2f, 5, 5, 5}, 3) == (Floats{3, 3, 4, 5, 5, 4}));
  BOOST_TEST(codes_of(*q, {3.2f, 3.2f, 3.2f}, 3) == (Codes{3, 3, 2}));
  BOOST_TEST(q->levels(1)[1] == 2);
}

BOOST_AUTO_TEST_CASE(width_is_what_the_scheme_must_span) {
  BOOST_TEST(quantizer("affine")->width({1, 3}) == 3);
  BOOST_TEST(quantizer("affine")->width({-1, 3}) == 4);
  BOOST_TEST(quantizer("{name: affine, widen_to_zero: false}")->width({1, 3}) == 2);
  BOOST_TEST(quantizer("{name: affine, symmetric: true}")->width({-1, 3}) == 6);
}

BOOST_AUTO_TEST_CASE(every_option_changes_the_outcome) {
  const auto outcome = [](const std::string& options, const std::string& base) {
    Floats out;
    const std::string plugin =
        "{name: affine, " + base + (options.empty() ? "" : ", " + options) + "}";
    for (const Range range : {Range{-7, 8}, Range{0, 3}, Range{3, 4}, Range{0, 0}}) {
      const auto q = quantizer(plugin)->fit({"tensor", 1, {range}, {}});
      out.push_back(q->affine(0)->scale);
      out.push_back(static_cast<float>(q->affine(0)->zero_point));
      for (int i = -64; i < 64; ++i) {
        const float x = static_cast<float>(i) * 4.5f * 3.0f / 255;
        out.push_back(applied(*q, {x})[0]);
        out.push_back(applied(*q, {static_cast<float>(i) / 2})[0]);
      }
      out.push_back(static_cast<float>(codes_of(*q, {0.0f})[0]));
    }
    return out;
  };
  for (const char* option :
       {"signed: true", "restricted_range: true", "widen_to_zero: false", "smallest_scale: 0.5",
        "rounding: half_away_from_zero", "order: add_then_round", "symmetric: true"})
    BOOST_TEST((outcome(option, "bit_width: 4") != outcome("", "bit_width: 4")), option);
  BOOST_TEST((outcome("", "bit_width: 5") != outcome("", "bit_width: 4")));
  BOOST_TEST((outcome("scaling: reciprocal", "bit_width: 8") != outcome("", "bit_width: 8")));
  BOOST_TEST((outcome("symmetric_divisor: half_span", "symmetric: true") !=
              outcome("", "symmetric: true")));
}

BOOST_AUTO_TEST_CASE(bad_options_are_refused_with_their_place) {
  const auto error = [](const std::string& options) {
    return error_of<ConfigError>([&] { quantizer("{name: affine, " + options + "}"); });
  };
  BOOST_TEST(error("bit_width: 1") ==
             "test.yaml:1: bit_width: 1 is out of range; accepted: a whole number from 2 to 16");
  BOOST_TEST(contains(error("bit_width: 17"), "from 2 to 16"));
  BOOST_TEST(contains(error("granularity: per_row"), "accepted: per_tensor, per_channel"));
  BOOST_TEST(
      contains(error("smallest_scale: 0"), "test.yaml:1: smallest_scale: 0 is out of range"));
  BOOST_TEST(contains(error("symmetric: true, order: add_then_round"),
                      "test.yaml:1: order: add_then_round has no meaning"));
  BOOST_TEST(contains(error("symmetric_divisor: half_span"), "needs symmetric: true"));
  BOOST_TEST(contains(error("bits: 8"), "bits: unknown key"));
}

BOOST_AUTO_TEST_CASE(range_beyond_float_is_an_error) {
  BOOST_TEST(contains(error_of<Error>([] {
                        fit("", {-3e38, 3e38});
                      }),
                      "tensor: range [-3e+38, 3e+38] cannot be quantized"));
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace quantdyn::test
