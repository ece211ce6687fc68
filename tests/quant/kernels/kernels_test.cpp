// The vectorised affine kernel against its reference, bit for bit, on every instruction set here.
#include "quant/kernels/kernels.h"

#include <algorithm>
#include <bit>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <iterator>
#include <limits>
#include <string>

#include "tests/every_target.h"
#include "tests/quant/helpers.h"

namespace quantdyn::test {
namespace {

using Floats = std::vector<float>;

/// A grid of `entries` entries: scales that make ties, that do not, and that are tiny; odd zero
/// points.
AffineGrid make_grid(int64_t entries, int conventions) {
  AffineGrid grid{
      .rounding = conventions & 16  ? Rounding::stochastic
                  : conventions & 1 ? Rounding::half_away_from_zero
                                    : Rounding::half_to_even,
      .order = conventions & 2 ? ZeroPointOrder::add_then_round : ZeroPointOrder::round_then_add,
      .scaling = conventions & 4 ? Scaling::reciprocal : Scaling::divide,
      .lowest_code = conventions & 8 ? -128 : 0,
      .highest_code = conventions & 8 ? 127 : 255,
      .scale = {},
      .reciprocal = {},
      .zero_point = {},
      .draws = {}};
  const float scales[] = {0.25f, 3.0f / 255, 0x1p-23f, 0.0173f};
  for (int64_t i = 0; i < entries; ++i) {
    grid.scale.push_back(scales[i % 4]);
    grid.reciprocal.push_back(1 / scales[i % 4]);
    grid.zero_point.push_back(static_cast<float>(grid.lowest_code + (i * 37) % 255));
  }
  return grid;
}

Floats make_values(int64_t n, const AffineGrid& grid, int64_t channels) {
  const float infinity = std::numeric_limits<float>::infinity();
  const float special[] = {0.0f,
                           -0.0f,
                           infinity,
                           -infinity,
                           std::bit_cast<float>(0x7fc12345u),
                           std::bit_cast<float>(0xff800001u),
                           1e-41f,
                           -1e-41f,
                           3e38f,
                           -3e38f,
                           0.49999997f,
                           8388609.0f};
  Floats out(static_cast<size_t>(n));
  for (int64_t i = 0; i < n; ++i) {
    const float scale = grid.scale[grid.is_per_channel() ? i % channels : 0];
    const auto k = static_cast<float>(i * 7919 % 601 - 300);
    if (i % 5 == 0)
      out[i] = special[i / 5 % 12];
    else if (i % 5 == 1)
      out[i] = (k + 0.5f) * scale;
    else
      out[i] = k * 0.7137f * scale;
  }
  return out;
}

/// Whether kernels and reference agree, rows `gap` floats apart, which must keep their values.
bool agree(int64_t rows, int64_t channels, int64_t gap, bool per_channel, int conventions) {
  const int64_t first_channel = per_channel ? 5 : 0;
  AffineGrid grid = make_grid(per_channel ? channels + first_channel : 1, conventions);
  if (grid.rounding == Rounding::stochastic)
    grid.draws = Draws{Rng(7), conventions & 1 ? channels : channels + first_channel};
  const int64_t stride = channels + gap;
  Floats kernel = make_values(rows * stride, grid, channels);
  Floats reference = kernel;
  Floats copied(static_cast<size_t>(rows * channels)), packed;
  affine_apply_to(grid, tile_of(kernel, rows, channels, stride, first_channel), copied.data());
  affine_apply(grid, tile_of(kernel, rows, channels, stride, first_channel));
  affine_apply_reference(grid, tile_of(reference, rows, channels, stride, first_channel));
  for (int64_t row = 0; row < rows; ++row)
    std::copy_n(reference.begin() + row * stride, channels, std::back_inserter(packed));
  return bits(kernel) == bits(reference) && bits(copied) == bits(packed);
}

int disagreements() {
  int count = 0;
  for (int conventions = 0; conventions < 32; ++conventions)
    for (const int64_t channels : {1, 3, 17, 130})
      for (const int64_t rows : {1, 2, 67})
        for (const int64_t gap : {0, 3})
          for (const bool per_channel : {false, true})
            count += !agree(rows, channels, gap, per_channel, conventions);
  return count;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(kernels)

BOOST_AUTO_TEST_CASE(every_instruction_set_gives_the_reference_bits) {
  on_every_target([](const std::string& target) { BOOST_TEST(disagreements() == 0, target); });
}

/// Most blocks of these multiply by the reciprocal; those with a value next to a tie divide.
BOOST_AUTO_TEST_CASE(a_product_by_the_reciprocal_rounds_as_the_quotient) {
  const auto check = [](const std::string& target) {
    for (const float scale : {0.25f, 3.0f / 255, 0.0173f, 0x1p-23f, 1e-41f, 2e38f, 7.3e-5f})
      for (const int64_t ties_apart : {1, 97, 4001}) {
        AffineGrid grid = make_grid(1, 0);
        grid.scale = {scale};
        grid.reciprocal = {1 / scale};
        Floats kernel(20000);
        for (int64_t i = 0; i < std::ssize(kernel); ++i) {
          const auto code = static_cast<float>(i * 7919 % 521 - 260);
          kernel[i] = (code + 0.4f * std::sin(static_cast<float>(i))) * scale;
          if (i % ties_apart == 0) {
            const float tie = (code + 0.5f) * scale;
            kernel[i] = i % 3 == 0 ? tie : std::nextafter(tie, i % 3 == 1 ? -1e38f : 1e38f);
          }
        }
        Floats reference = kernel, copied(kernel.size());
        affine_apply_to(grid, tile_of(kernel, 200, 100, 100), copied.data());
        affine_apply(grid, tile_of(kernel, 200, 100, 100));
        affine_apply_reference(grid, tile_of(reference, 200, 100, 100));
        BOOST_TEST(bits(kernel) == bits(reference), target << " " << scale << " " << ties_apart);
        BOOST_TEST(bits(copied) == bits(reference), target << " " << scale << " " << ties_apart);
      }
  };
  on_every_target(check);
}

BOOST_AUTO_TEST_CASE(zero_never_becomes_minus_zero) {
  for (int conventions = 0; conventions < 16; ++conventions) {
    AffineGrid grid = make_grid(1, conventions);
    grid.zero_point = {0};
    Floats x{-0.0f, -0.01f, -1e-41f, 0.01f};
    affine_apply(grid, tile_of(x, 4, 1, 1));
    for (const float y : x) BOOST_TEST(!std::signbit(y));
  }
}

BOOST_AUTO_TEST_CASE(nan_keeps_its_bits) {
  const AffineGrid grid = make_grid(1, 0);
  Floats x(9, std::bit_cast<float>(0x7fc12345u));
  const std::vector<uint32_t> before = bits(x);
  affine_apply(grid, tile_of(x, 1, 9, 9));
  BOOST_TEST(bits(x) == before);
}

BOOST_AUTO_TEST_CASE(values_between_rows_are_left_alone) {
  const AffineGrid grid = make_grid(1, 0);
  Floats x(12, 0.1f);
  affine_apply(grid, tile_of(x, 3, 2, 4));
  const float y = x[0];
  BOOST_TEST(y != 0.1f);
  BOOST_TEST(x == (Floats{y, y, 0.1f, 0.1f, y, y, 0.1f, 0.1f, y, y, 0.1f, 0.1f}));
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace quantdyn::test
