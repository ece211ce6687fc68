// The affine quantizer's conventions and profiles, by hand.
#include <boost/test/unit_test.hpp>
#include <cmath>

#include "quant/quantizers/affine_options.h"
#include "tests/quant/helpers.h"

namespace quantdyn::test {
namespace {

using Floats = std::vector<float>;
using Codes = std::vector<int32_t>;

std::unique_ptr<Quantization> fit(const std::string& options, const std::vector<Range>& ranges) {
  const std::string entries = ranges.size() > 1 ? ", granularity: per_channel" : "";
  return quantizer("{name: affine, " + options + entries + "}")
      ->fit({"tensor", static_cast<int64_t>(ranges.size()), ranges, {}});
}
float scale(const std::string& options, Range range) {
  return fit(options, {range})->affine(0)->scale;
}
int32_t zero_point(const std::string& options, Range range) {
  return fit(options, {range})->affine(0)->zero_point;
}
std::string error(const std::string& options) {
  return error_of<ConfigError>([&] { quantizer("{name: affine, " + options + "}"); });
}

}  // namespace

BOOST_AUTO_TEST_SUITE(affine_conventions)

BOOST_AUTO_TEST_CASE(unsigned_symmetric_codes_start_at_zero) {
  const auto q = fit("symmetric: true, signed: false", {{0, 51}});
  BOOST_TEST(q->affine(0)->scale == 0.2f);
  BOOST_TEST(q->affine(0)->zero_point == 0);
  BOOST_TEST(q->first_code() == 0);
  BOOST_TEST(codes_of(*q, {-3, 0, 0.31f, 51, 99}) == (Codes{0, 0, 2, 255, 255}));
  BOOST_TEST(contains(error_of<Error>([] {
                        fit("symmetric: true, signed: false", {{-1, 3}});
                      }),
                      "tensor: range [-1, 3] goes below 0, where unsigned symmetric codes have no "
                      "values; accepted: "));
}

BOOST_AUTO_TEST_CASE(automatic_codes_are_unsigned_where_no_range_goes_below_zero) {
  const std::string options = "symmetric: true, signed: auto, bit_width: 4";
  const auto positive = fit(options, {{0, 15}, {3, 30}});
  BOOST_TEST(positive->first_code() == 0);
  BOOST_TEST(positive->affine(1)->scale == 2);
  const auto mixed = fit(options, {{0, 14}, {-1, 7}});
  BOOST_TEST(mixed->first_code() == -8);
  BOOST_TEST(mixed->affine(0)->scale == 2);
}

BOOST_AUTO_TEST_CASE(each_side_is_divided_by_its_own_codes) {
  const std::string options = "symmetric: true, symmetric_divisor: each_side";
  BOOST_TEST(scale(options, {-2, 1}) == 2.0f / 128);
  BOOST_TEST(scale(options, {-1, 3}) == 3.0f / 127);
  BOOST_TEST(scale(options + ", bit_width: 2", {-1, 1}) == 0.5f);
  BOOST_TEST(scale(options + ", restricted_range: true", {-2, 1}) == 2.0f / 127);
}

BOOST_AUTO_TEST_CASE(narrow_ranges_get_what_the_option_says) {
  const Range narrow{0, 1e-9};
  for (const auto& [options, expected] : std::map<std::string, double>{
           {"narrow: smallest_scale, smallest_scale: 0.25", 0.25},
           {"narrow: scale_of_one", 1},
           {"narrow: add_smallest_scale, smallest_scale: 0.25", 0.25 + 1e-9 / 255},
           {"narrow: widen, smallest_width: 0.5", (1 + 1e-9) / 255},
           {"narrow: widen, smallest_width: 0.5, symmetric: true", 0.25 / 127}}) {
    const auto q = fit(options, {narrow});
    BOOST_TEST(q->affine(0)->scale == static_cast<float>(expected), options);
    BOOST_TEST(q->at_smallest_scale(0), options);
    BOOST_TEST(!fit(options, {{0, 100}})->at_smallest_scale(0), options);
  }
  BOOST_TEST(zero_point("narrow: scale_of_one, signed: true", narrow) == 0);
  BOOST_TEST(zero_point("narrow: widen, smallest_width: 0.5", narrow) ==
             127);  // round(127.4999...)
}

BOOST_AUTO_TEST_CASE(precision_of_the_scale_can_move_its_last_bit) {
  // 0.8f - -0.1f rounds to a float that is not the exact width.
  const float low = -0.1f, high = 0.8f;
  const auto exact = static_cast<float>((double{high} - double{low}) / 255);
  BOOST_TEST(scale("scale_precision: float64", {low, high}) == exact);
  BOOST_TEST(scale("scale_precision: float32", {low, high}) == (high - low) / 255);
  BOOST_TEST(exact != (high - low) / 255);
}

BOOST_AUTO_TEST_CASE(zero_points_round_before_or_after_the_subtraction) {
  const std::string away = "bit_width: 4, signed: true, zero_point_rounding: half_away_from_zero";
  const Range tie{-7.5, 7.5};                                                     // scale 1
  BOOST_TEST(zero_point(away, tie) == 0);                                         // -8 - -8
  BOOST_TEST(zero_point(away + ", zero_point: subtract_then_round", tie) == -1);  // round(-0.5)
  BOOST_TEST(zero_point("bit_width: 4", {-6.5, 8.5}) == 6);
  BOOST_TEST(zero_point("bit_width: 4, rounding: half_away_from_zero", {-6.5, 8.5}) == 7);
  BOOST_TEST(zero_point("bit_width: 4, zero_point_rounding: half_away_from_zero", {-6.5, 8.5}) ==
             7);
}

BOOST_AUTO_TEST_CASE(powers_of_two_are_above_nearest_or_below) {
  const Range range{0, 255 * 0.7};  // scale 0.7, and log2(0.7) = -0.51
  BOOST_TEST(scale("power_of_two: ceil", range) == 1);
  BOOST_TEST(scale("power_of_two: nearest", range) == 0.5f);
  BOOST_TEST(scale("power_of_two: nearest", {0, 255 * 0.71}) == 1);
  BOOST_TEST(scale("power_of_two: floor", range) == 0.5f);
  for (const char* how : {"ceil", "nearest", "floor"})
    BOOST_TEST(scale(fmt::format("power_of_two: {}", how), {0, 255 * 0.25}) == 0.25f);
  const auto q = fit("power_of_two: floor", {{-100, 155}});
  BOOST_TEST(codes_of(*q, {0}) == (Codes{q->affine(0)->zero_point}));
  BOOST_TEST(fit("power_of_two: floor", {{-2.9, 0}})->affine(0)->zero_point == 255);  // not 371
  BOOST_TEST(rounded_to_power_of_two(0.3, PowerOfTwo::none) == 0.3);
}

BOOST_AUTO_TEST_CASE(shifted_codes_round_ties_upwards) {
  // x / s + 8 is positive, so half away from zero is up: as AIMET rounds.
  const std::string options =
      "symmetric: true, bit_width: 4, symmetric_divisor: highest_code, rounding: "
      "half_away_from_zero";
  const auto shifted = fit(options + ", order: shift_then_round", {{-7, 7}});
  BOOST_TEST(codes_of(*shifted, {-1.5f, -0.5f, 0.5f, 1.5f, -99, 99}) ==
             (Codes{-1, 0, 1, 2, -8, 7}));
  BOOST_TEST(applied(*shifted, {-1.5f, 0.5f}) == (Floats{-1, 1}));
  BOOST_TEST(codes_of(*fit(options, {{-7, 7}}), {-1.5f, -0.5f, 0.5f, 1.5f}) ==
             (Codes{-2, -1, 1, 2}));
  BOOST_TEST(shifted->affine(0)->zero_point == 0);
  BOOST_TEST(codes_of(*shifted, {std::nanf("")}) == Codes{no_code});
}

BOOST_AUTO_TEST_CASE(a_profile_sets_defaults_that_options_change) {
  BOOST_TEST(scale("profile: torch, symmetric: true", {-1, 1}) == 1 / 127.5f);
  BOOST_TEST(scale("profile: torch, symmetric: true, symmetric_divisor: highest_code", {-1, 1}) ==
             1 / 127.0f);
  BOOST_TEST(fit("profile: tflite", {{0, 1}})->first_code() == -128);
  BOOST_TEST(fit("profile: tflite, signed: false", {{0, 1}})->first_code() == 0);
  BOOST_TEST(std::isnan(fit("profile: onnx, symmetric: true", {{-1, 1}})->levels(0)[0]));
  BOOST_TEST(!std::isnan(
      fit("profile: onnx, symmetric: true, restricted_range: false", {{-1, 1}})->levels(0)[0]));
  BOOST_TEST(fit("profile: aimet, symmetric: true", {{0, 1}})->first_code() == 0);
}

BOOST_AUTO_TEST_CASE(a_profile_refuses_activations_by_channel_where_its_toolkit_has_no_kernel) {
  for (const char* profile : {"torch", "onnx", "tflite"}) {
    const auto by_channel =
        quantizer(fmt::format("{{name: affine, profile: {}, granularity: per_channel}}", profile));
    BOOST_TEST(by_channel->refusal(TensorKind::weight) == "");
    BOOST_TEST(
        by_channel->refusal(TensorKind::activation) ==
        fmt::format("profile {} has no kernels for activations with a scale for each channel "
                    "or group; accepted: granularity: per_tensor, or profile: none",
                    profile));
    BOOST_TEST(by_channel->refusal(TensorKind::logits) != "");
    BOOST_TEST(quantizer(fmt::format("{{name: affine, profile: {}}}", profile))
                   ->refusal(TensorKind::activation) == "");
  }
  for (const char* profile : {"none", "aimet"})
    BOOST_TEST(
        quantizer(fmt::format("{{name: affine, profile: {}, granularity: per_channel}}", profile))
            ->refusal(TensorKind::activation) == "");
}

BOOST_AUTO_TEST_CASE(contradictions_are_refused_with_their_line) {
  BOOST_TEST(error("seed: 1") == "test.yaml:1: seed: needs rounding: stochastic; leave it out");
  for (const auto& [options, part] : std::map<std::string, std::string>{
           {"signed: auto", "signed: auto needs symmetric: true"},
           {"signed: maybe", "unknown value 'maybe'; accepted: true, false, auto"},
           {"rounding: stochastic, order: add_then_round",
            "order: has no meaning with rounding: st"},
           {"narrow: widen, smallest_scale: 0.1", "smallest_scale: has no meaning with narrow"},
           {"smallest_width: 0.1", "smallest_width: needs narrow: widen"},
           {"symmetric: true, zero_point_rounding: half_to_even", "zero_point_rounding: has no"},
           {"symmetric: true, signed: false, restricted_range: true", "restricted_range: would"},
           {"symmetric: true, signed: false, symmetric_divisor: half_span", "leave it out"},
           {"profile: onnx, bit_width: 5",
            "bit_width: 5 is not a width of profile: onnx; accepted: 4, 8, 16"},
           {"profile: tflite, bit_width: 16",
            "symmetric: profile: tflite has only symmetric codes of 16 bits"},
           {"profile: caffe", "accepted: none, torch, onnx, tflite, aimet"}})
    BOOST_TEST(contains(error(options), part), error(options));
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace quantdyn::test
