// Small floats: formats by hand, against ml_dtypes, numpy and torch, and the kernel against its
// reference on every instruction set.
#include <bit>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <fstream>
#include <limits>
#include <sstream>

#include "quant/kernels/kernels_float.h"
#include "tests/every_target.h"
#include "tests/quant/golden/golden_values.h"
#include "tests/quant/helpers.h"

namespace quantdyn::test {
namespace {

using Floats = std::vector<float>;
using Codes = std::vector<int32_t>;
constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float nan = std::numeric_limits<float>::quiet_NaN();

std::unique_ptr<Quantization> fit(const std::string& options,
                                  const std::vector<Range>& ranges = {{-1, 1}}) {
  return quantizer("{name: float" + (options.empty() ? "" : ", " + options) + "}")
      ->fit({"tensor", static_cast<int64_t>(ranges.size()), ranges, {}});
}
std::string error(const std::string& options) {
  return error_of<ConfigError>([&] { quantizer("{name: float, " + options + "}"); });
}

std::string hash_of_codes(const Codes& codes) {
  Floats bits;
  for (const int32_t code : codes) bits.push_back(std::bit_cast<float>(code));
  return hash_of(bits);
}

/// Numbers of every class, and the ties of formats of 1 to 10 mantissa bits.
Floats special_values() {
  Floats out = golden_float_values();
  out.resize(3000);
  for (const float x : {448.0f, 464.0f, 464.00003f, 57344.0f, 61440.0f, 65520.0f, 3.4e38f, 1e-45f,
                        0x1p-126f, 0x1p-130f, 0x1.8p-133f, 0x1.ffp127f})
    out.insert(out.end(), {x, -x});
  return out;
}

bool agree(const FloatGrid& grid, int64_t channels, int64_t gap) {
  const Floats values = special_values();
  const int64_t stride = channels + gap, rows = static_cast<int64_t>(values.size()) / stride;
  const int64_t first_channel = grid.is_per_channel() ? 2 : 0;
  Floats kernel = values, reference = values;
  float_apply(grid, tile_of(kernel, rows, channels, stride, first_channel));
  float_apply_reference(grid, tile_of(reference, rows, channels, stride, first_channel));
  return bits(kernel) == bits(reference);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(small_float)

BOOST_AUTO_TEST_CASE(e2m1_has_the_numbers_of_the_specification) {
  const Floats numbers{0, 0.5f, 1, 1.5f, 2, 3, 4, 6, -0.0f, -0.5f, -1, -1.5f, -2, -3, -4, -6};
  const auto q = fit("format: e2m1");
  BOOST_TEST(bits(q->levels(0)) == bits(numbers));
  BOOST_TEST(q->bit_width() == 4);
  BOOST_TEST(q->first_code() == 0);
  BOOST_TEST(codes_of(*q, {0.3f, 5.1f, -0.6f, 99, -infinity}) == (Codes{1, 7, 9, 7, 15}));
}

BOOST_AUTO_TEST_CASE(ties_go_to_the_even_mantissa) {
  BOOST_TEST(applied(*fit("format: e2m1"), {0.25f, 0.75f, 1.25f, 1.75f, 2.5f, 3.5f, 5, -0.25f}) ==
             (Floats{0, 1, 1, 2, 2, 4, 4, 0}));
}

BOOST_AUTO_TEST_CASE(largest_and_smallest_numbers_are_those_of_the_formats) {
  const auto ends = [](const std::string& options) {
    Floats levels = fit(options)->levels(0);
    std::erase_if(levels, [](float x) { return !(x > 0) || std::isinf(x); });
    return Floats{*std::ranges::min_element(levels), *std::ranges::max_element(levels)};
  };
  BOOST_TEST(ends("format: e4m3") == (Floats{0x1p-9f, 448}));
  BOOST_TEST(ends("format: e4m3, special: ieee") == (Floats{0x1p-9f, 240}));
  BOOST_TEST(ends("format: e5m2") == (Floats{0x1p-16f, 57344}));
  BOOST_TEST(ends("format: e3m4") == (Floats{0x1p-6f, 15.5f}));
  BOOST_TEST(ends("format: e2m3") == (Floats{0.125f, 7.5f}));
  BOOST_TEST(ends("format: e3m2") == (Floats{0x1p-4f, 28}));
  BOOST_TEST(ends("format: float16") == (Floats{0x1p-24f, 65504}));
  BOOST_TEST(ends("format: bfloat16") == (Floats{0x1p-133f, 0x1.fep127f}));
  BOOST_TEST(ends("format: e4m3, bias: 11") == (Floats{0x1p-13f, 28}));
}

BOOST_AUTO_TEST_CASE(overflow_saturates_or_becomes_what_the_format_has) {
  const Floats x{464, 465, infinity, -1e9f};  // 464 is halfway from 448 to a missing 480
  BOOST_TEST(applied(*fit("format: e4m3"), x) == (Floats{448, 448, 448, -448}));
  const auto nan_only = fit("format: e4m3, saturate: false");
  const Floats y = applied(*nan_only, x);
  BOOST_TEST(y[0] == 448);
  for (const size_t i : {1, 2, 3}) BOOST_TEST(std::isnan(y[i]));
  BOOST_TEST(codes_of(*nan_only, x) == (Codes{0x7e, 0x7f, 0x7f, 0xff}));
  const auto ieee = fit("format: e5m2, saturate: false");
  BOOST_TEST(applied(*ieee, {61439, 61440, -infinity}) == (Floats{57344, infinity, -infinity}));
  BOOST_TEST(codes_of(*ieee, {61440, -infinity}) == (Codes{0x7c, 0xfc}));
  BOOST_TEST(ieee->levels(0)[0x7c] == infinity);
  BOOST_TEST(std::isnan(fit("format: e5m2")->levels(0)[0x7c]));  // a code that is never given
}

BOOST_AUTO_TEST_CASE(nan_stays_and_zero_keeps_its_sign) {
  const auto q = fit("");
  const float payload = std::bit_cast<float>(0xffc12345u);
  BOOST_TEST(bits(applied(*q, {payload, -0.0f, 0, -1e-9f})) ==
             bits(Floats{payload, -0.0f, 0, -0.0f}));
  BOOST_TEST(codes_of(*q, {nan, -0.0f, 0}) == (Codes{no_code, 0x80, 0}));
}

BOOST_AUTO_TEST_CASE(every_code_stands_for_its_level) {
  for (const char* options : {"format: e4m3", "format: e5m2, saturate: false", "format: e3m2",
                              "format: custom, exponent_bits: 2, mantissa_bits: 5, special: none",
                              "format: float16", "format: bfloat16"}) {
    const auto q = fit(options);
    const Floats levels = q->levels(0);
    const Codes codes = codes_of(*q, levels);
    BOOST_TEST(bits(applied(*q, levels)) == bits(levels), options);
    for (size_t i = 0; i < levels.size(); ++i)
      BOOST_REQUIRE(codes[i] == (std::isnan(levels[i]) ? no_code : static_cast<int32_t>(i)));
  }
}

BOOST_AUTO_TEST_CASE(scale_takes_the_end_of_the_range_to_the_largest_number) {
  const std::string by_channel = "scaling: range, granularity: per_channel";
  const auto q = fit(by_channel, {{-2, 896}, {-0.875, 0}, {0, 0}});
  BOOST_TEST(applied(*q, {896, -0.875f, 0, 899, -0.86f, 7}, 3) ==
             (Floats{896, -0.875f, 0, 896, -0.875f, 448 * 0x1p-126f}));
  BOOST_TEST(!q->at_smallest_scale(0));
  BOOST_TEST(q->at_smallest_scale(2));
  BOOST_TEST(q->levels(0)[0x7e] == 896);
  BOOST_TEST(fit("scaling: range, power_of_two: ceil", {{0, 500}})->levels(0)[0x7e] == 896);
  BOOST_TEST(fit("scaling: range, smallest_scale: 0.5", {{0, 1}})->levels(0)[0x7e] == 224);
  BOOST_TEST(quantizer("float")->width({-3, 2}) == 6);
}

BOOST_AUTO_TEST_CASE(formats_equal_ml_dtypes_numpy_and_torch) {
  std::ifstream file(std::string(TEST_DIRECTORY) + "/golden/floats_golden.txt");
  int compared = 0;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("#")) continue;
    std::istringstream fields(line);
    std::string values_hash, codes_hash, options;
    fields >> values_hash >> codes_hash >> std::ws;
    std::getline(fields, options);
    Floats x = golden_float_values();
    if (contains(options, "e2m") || contains(options, "e3m2"))  // no code for NaN
      std::ranges::replace_if(
          x, [](float value) { return std::isnan(value); }, 0.0f);
    const auto q = fit(options);
    Floats y = applied(*q, x);
    Codes codes = codes_of(*q, x);
    for (size_t i = 0; i < y.size(); ++i)
      if (std::isnan(y[i])) {
        y[i] = nan;
        codes[i] = no_code;
      }
    BOOST_TEST(hash_of(y) == values_hash, options);
    BOOST_TEST(hash_of_codes(codes) == codes_hash, options);
    ++compared;
  }
  BOOST_TEST(compared == 11);
}

BOOST_AUTO_TEST_CASE(every_instruction_set_gives_the_reference_bits) {
  const auto disagreements = [] {
    int count = 0;
    for (const FloatFormat& format :
         {FloatFormat{}, FloatFormat{5, 2, 15, SpecialCodes::ieee, false},
          FloatFormat{2, 1, 1, SpecialCodes::none}, FloatFormat{5, 10, 15, SpecialCodes::ieee},
          FloatFormat{8, 7, 127, SpecialCodes::ieee, false},
          FloatFormat{4, 3, 120, SpecialCodes::finite_nan, false},
          FloatFormat{4, 3, -100, SpecialCodes::none}})
      for (const int64_t channels : {1, 3, 17, 130})
        for (const int64_t gap : {0, 3})
          for (const size_t scales : {size_t{0}, size_t{1}, static_cast<size_t>(channels + 2)}) {
            FloatGrid grid{format, {}};
            for (size_t i = 0; i < scales; ++i)
              grid.scale.push_back(i % 3 == 0 ? 0x1p-126f : 0.013f * static_cast<float>(i + 1));
            count += !agree(grid, channels, gap);
          }
    return count;
  };
  on_every_target([&](const std::string& target) { BOOST_TEST(disagreements() == 0, target); });
}

BOOST_AUTO_TEST_CASE(bad_options_are_refused_with_their_line) {
  BOOST_TEST(error("exponent_bits: 4") ==
             "test.yaml:1: exponent_bits: needs format: custom; leave it out");
  for (const auto& [options, part] : std::map<std::string, std::string>{
           {"format: custom, exponent_bits: 3", "mantissa_bits: missing; format: custom needs it"},
           {"format: e9m9", "unknown value 'e9m9'; accepted: e4m3, e5m2"},
           {"format: custom, exponent_bits: 8, mantissa_bits: 9",
            "1 + 8 + 9 bits are 18; accepted"},
           {"format: bfloat16, special: none", "bias: 127 makes the largest number 2^128 or more"},
           {"format: e2m1, saturate: false", "saturate: false needs codes for infinity or NaN"},
           {"smallest_scale: 1e-9", "smallest_scale: needs scaling: range"},
           {"granularity: per_channel", "granularity: needs scaling: range"},
           {"bits: 8", "bits: unknown key"}})
    BOOST_TEST(contains(error(options), part), error(options));
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace quantdyn::test
