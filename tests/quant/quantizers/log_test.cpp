// Logarithmic levels: by hand, and the kernel against its reference on every instruction set.
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>

#include "quant/kernels/kernels_log.h"
#include "tests/every_target.h"
#include "tests/quant/helpers.h"

namespace quantdyn::test {
namespace {

using Floats = std::vector<float>;
using Codes = std::vector<int32_t>;
constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float nan = std::numeric_limits<float>::quiet_NaN();

std::unique_ptr<Quantization> fit(const std::string& options,
                                  const std::vector<Range>& ranges = {{-1, 1}}) {
  return quantizer("{name: logarithmic" + (options.empty() ? "" : ", " + options) + "}")
      ->fit({"tensor", static_cast<int64_t>(ranges.size()), ranges, {}});
}
std::string error(const std::string& options) {
  return error_of<ConfigError>([&] { quantizer("{name: logarithmic, " + options + "}"); });
}

Floats values_without_nan(const std::vector<float>& levels) {
  Floats out = levels;
  std::erase_if(out, [](float x) { return std::isnan(x); });
  return out;
}

/// Both signs of values at thresholds and levels and beside them, of every class.
Floats make_values() {
  Floats out{0, -0.0f, infinity, -infinity, nan, -nan, 3e38f, 1e-45f, 0x1p-126f, 0x1p-130f};
  for (float size = 2e38f; size > 1e-40f; size *= 0.8408964f)  // 2^-1/4
    for (const float x : {size, std::nextafter(size, 0.0f), std::nextafter(size, infinity)})
      out.insert(out.end(), {x, -x});
  for (int k = -140; k < 127; ++k)
    for (const float x : {std::ldexp(1.0f, k), std::ldexp(0.75f, k)})
      out.insert(out.end(), {x, -x, std::nextafter(x, 0.0f)});
  return out;
}

/// What a quantizer's transform makes of values, and what its levels and codes say it should.
bool agree(const std::string& options, int64_t channels, int64_t gap, bool by_channel) {
  std::vector<Range> ranges;
  for (int64_t c = 0; c < (by_channel ? channels : 1); ++c)
    ranges.push_back({0, std::pow(1.7, c % 37 - 9)});
  const auto q = quantizer(fmt::format("{{name: logarithmic, {}{}}}", options,
                                       by_channel ? ", granularity: per_channel" : ""))
                     ->fit({"tensor", channels, ranges, {}});
  const Floats values = make_values();
  const int64_t stride = channels + gap, rows = static_cast<int64_t>(values.size()) / stride;
  Floats kernel = values, reference = values;
  std::vector<int32_t> codes(static_cast<size_t>(rows * channels));
  const MutableTile tile = tile_of(reference, rows, channels, stride);
  q->codes(tile, codes.data());
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < channels; ++c) {
      const int32_t code = codes[r * channels + c];
      if (code != no_code)
        reference[r * stride + c] = q->levels(q->entry_of(c))[code - q->first_code()];
    }
  q->apply(tile_of(kernel, rows, channels, stride));
  return bits(kernel) == bits(reference);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(logarithmic)

BOOST_AUTO_TEST_CASE(levels_are_powers_of_two_from_the_range_down) {
  const auto q = fit("bit_width: 3", {{-3, 4.1}});
  BOOST_TEST(values_without_nan(q->levels(0)) == (Floats{-4, -2, -1, 0, 1, 2, 4}));
  BOOST_TEST(std::isnan(q->levels(0)[0]));
  BOOST_TEST(q->first_code() == -4);
  BOOST_TEST(codes_of(*q, {-99, -1, 0, -0.0f, 1, 2.1f, infinity, nan}) ==
             (Codes{-3, -1, 0, 0, 1, 2, 3, no_code}));
}

BOOST_AUTO_TEST_CASE(values_go_to_the_nearest_exponent) {
  const auto q = fit("bit_width: 4", {{-8, 8}});
  // sqrt 2 lies between two floats: the smaller goes down.
  BOOST_TEST(applied(*q, {1.4142135f, 1.4142137f, -5.6f, 5.7f, 0.0883f, 0.0884f}) ==
             (Floats{1, 2, -4, 8, 0, 0.125f}));
  const auto linear = fit("bit_width: 4, rounding: linear", {{-8, 8}});
  BOOST_TEST(applied(*linear, {1.4999999f, 1.5f, -1.5f, 0.09374999f, 0.09375f}) ==
             (Floats{1, 2, -2, 0, 0.125f}));
}

BOOST_AUTO_TEST_CASE(base_sqrt2_has_two_levels_an_octave) {
  const auto q = fit("bit_width: 3, base: sqrt2", {{-1, 1}});
  const float r = static_cast<float>(std::sqrt(0.5));
  BOOST_TEST(values_without_nan(q->levels(0)) == (Floats{-1, -r, -0.5f, 0, 0.5f, r, 1}));
  // Thresholds 2^-1/4 = 0.84090 and 2^-3/4 = 0.59460, 2^-5/4 = 0.42045.
  BOOST_TEST(applied(*q, {0.8409f, 0.8408f, 0.5947f, 0.5946f, 0.4205f, 0.4204f}) ==
             (Floats{1, r, r, 0.5f, 0.5f, 0}));
}

BOOST_AUTO_TEST_CASE(small_values_become_zero_or_the_smallest_level) {
  const Floats x{0.3f, 0.1f, -1e-40f, 0, -0.0f};
  BOOST_TEST(bits(applied(*fit("bit_width: 3"), x)) == bits(Floats{0.25f, 0, 0, 0, 0}));
  BOOST_TEST(bits(applied(*fit("bit_width: 3, underflow: smallest"), x)) ==
             bits(Floats{0.25f, 0.25f, -0.25f, 0, 0}));
}

BOOST_AUTO_TEST_CASE(unsigned_codes_have_twice_the_levels) {
  const auto q = fit("bit_width: 3, signed: auto", {{0, 1}});
  BOOST_TEST(q->first_code() == 0);
  BOOST_TEST(q->levels(0) == (Floats{0, 1 / 64.0f, 1 / 32.0f, 1 / 16.0f, 0.125f, 0.25f, 0.5f, 1}));
  BOOST_TEST(applied(*q, {-3, -infinity, 0.9f}) == (Floats{0, 0, 1}));
  BOOST_TEST(fit("bit_width: 3, signed: auto", {{-1, 1}})->first_code() == -4);
  BOOST_TEST(contains(error_of<Error>([] {
                        fit("signed: false", {{-1, 1}});
                      }),
                      "tensor: a range goes below 0, where unsigned codes have no values"));
}

BOOST_AUTO_TEST_CASE(the_largest_level_is_a_power_of_two_or_the_end_itself) {
  const auto largest = [](const std::string& how) {
    return fit("power_of_two: " + how, {{-0.7, 0.1}})->levels(0).back();
  };
  BOOST_TEST(largest("none") == 0.7f);
  BOOST_TEST(largest("ceil") == 1);
  BOOST_TEST(largest("floor") == 0.5f);
  BOOST_TEST(fit("", {{-0.7, 0.1}})->levels(0).back() == 0.5f);
  BOOST_TEST(contains(error_of<Error>([] {
                        fit("power_of_two: ceil", {{0, 3e38}});
                      }),
                      "has no power of two above it"));
}

BOOST_AUTO_TEST_CASE(narrow_ranges_end_at_the_smallest_scale) {
  const auto q = fit("", {{0, 0}});
  BOOST_TEST(q->at_smallest_scale(0));
  BOOST_TEST(q->levels(0).back() == 0x1p-23f);
  BOOST_TEST(applied(*q, {0}) == Floats{0});
  BOOST_TEST(!fit("", {{0, 1}})->at_smallest_scale(0));
}

BOOST_AUTO_TEST_CASE(levels_under_the_smallest_normal_floats_are_not_given) {
  const Floats levels =
      fit("bit_width: 8, smallest_scale: 1e-9, signed: auto", {{0, 1e-9}})->levels(0);
  BOOST_TEST(levels[0] == 0);
  BOOST_TEST(std::isnan(levels[1]));
  float smallest = 1;
  for (size_t i = 1; i < levels.size(); ++i)
    if (!std::isnan(levels[i])) smallest = std::min(smallest, levels[i]);
  BOOST_TEST(smallest == 0x1p-125f);
}

BOOST_AUTO_TEST_CASE(levels_are_what_their_codes_stand_for) {
  for (const char* options : {"bit_width: 2", "bit_width: 5, base: sqrt2", "bit_width: 8",
                              "bit_width: 8, base: sqrt2, power_of_two: none, rounding: linear"}) {
    const auto q = fit(options, {{-0.3, 1.1}});
    const Floats levels = q->levels(0);
    const Codes codes = codes_of(*q, levels);
    for (size_t i = 0; i < levels.size(); ++i)
      BOOST_REQUIRE(codes[i] ==
                    (std::isnan(levels[i]) ? no_code : q->first_code() + static_cast<int32_t>(i)));
    BOOST_TEST(bits(applied(*q, levels)) == bits(levels));
  }
}

BOOST_AUTO_TEST_CASE(entries_have_their_own_levels) {
  const auto q = fit("bit_width: 3, granularity: per_channel", {{-1, 1}, {-4, 4}});
  BOOST_TEST(applied(*q, {3, 3, 0.3f, 0.8f}, 2) == (Floats{1, 4, 0.25f, 1}));
  BOOST_TEST(quantizer("logarithmic")->width({-3, 1}) == 6);
}

BOOST_AUTO_TEST_CASE(every_instruction_set_gives_the_levels_of_the_codes) {
  on_every_target([](const std::string& target) {
    int disagreements = 0;
    for (const char* options :
         {"bit_width: 8, signed: auto", "bit_width: 4, underflow: smallest",
          "bit_width: 6, base: sqrt2, power_of_two: none", "bit_width: 2, base: sqrt2",
          "bit_width: 8, base: sqrt2, underflow: smallest, rounding: linear"})
      for (const int64_t channels : {1, 3, 17, 130})
        for (const int64_t gap : {0, 3})
          for (const bool by_channel : {false, true})
            disagreements += !agree(options, channels, gap, by_channel);
    BOOST_TEST(disagreements == 0, target);
  });
}

BOOST_AUTO_TEST_CASE(the_kernel_equals_its_reference) {
  LogGrid grid;
  grid.families = 2;
  grid.levels = 31;
  grid.push_back({{std::bit_cast<int32_t>(1.3f), std::bit_cast<int32_t>(0.9f)},
                  {std::bit_cast<int32_t>(1.1f), std::bit_cast<int32_t>(0.8f)},
                  5});
  Floats kernel = make_values(), reference = kernel;
  log_apply(grid, tile_of(kernel, 1));
  log_apply_reference(grid, tile_of(reference, 1));
  BOOST_TEST((bits(kernel) == bits(reference)));
}

BOOST_AUTO_TEST_CASE(bad_options_are_refused_with_their_line) {
  BOOST_TEST(error("bit_width: 9") ==
             "test.yaml:1: bit_width: 9 is out of range; accepted: a whole number from 2 to 8");
  BOOST_TEST(contains(error("base: 10"), "base: unknown value '10'; accepted: 2, sqrt2"));
  BOOST_TEST(contains(error("smallest_scale: 0"), "smallest_scale: 0 is out of range"));
  BOOST_TEST(contains(error("levels: 4"), "levels: unknown key"));
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace quantdyn::test
