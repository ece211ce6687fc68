// Stochastic rounding: unbiased, and the same draw for a place however it is visited.
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <set>

#include "quant/kernels/draws.h"
#include "tests/quant/helpers.h"

namespace quantdyn::test {
namespace {

using Floats = std::vector<float>;

std::unique_ptr<Quantization> fit(const std::string& options, int64_t channels,
                                  const std::string& tensor = "conv1/output") {
  const auto scheme =
      quantizer("{name: affine, bit_width: 4, rounding: stochastic" + options + "}");
  const std::vector<Range> ranges(static_cast<size_t>(scheme->granularity().entries(channels)),
                                  {-8, 7});  // scale 1
  return scheme->fit({tensor, channels, ranges, {}});
}

/// Values [rows, channels] as the tiles of one chunk.
Floats applied_in_tiles(const Quantization& q, Floats x, int64_t channels, int64_t tile_rows,
                        int64_t tile_channels, int64_t chunk) {
  const auto rows = static_cast<int64_t>(x.size()) / channels;
  for (int64_t r = rows - 1 - (rows - 1) % tile_rows; r >= 0; r -= tile_rows)
    for (int64_t c = 0; c < channels; c += tile_channels)
      q.apply({x.data() + r * channels + c, std::min(tile_rows, rows - r),
               std::min(tile_channels, channels - c), channels, r, c, chunk, 0});
  return x;
}

Floats ramp(int64_t n) {
  Floats out(static_cast<size_t>(n));
  for (int64_t i = 0; i < n; ++i) out[i] = static_cast<float>(i % 113) * 0.13f - 7.3f;
  return out;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(stochastic)

BOOST_AUTO_TEST_CASE(the_mean_is_the_value) {
  const int64_t n = 100'000;
  const auto q = fit("", 1);
  for (const float value : {0.25f, -3.9f, 2.5f, 6.999f, -0.001f}) {
    double sum = 0;
    for (const float y : applied(*q, Floats(n, value))) sum += y;
    const double up = value - std::floor(value);
    const double deviation = std::sqrt(up * (1 - up) / n);
    BOOST_TEST(std::abs(sum / n - value) < 4 * deviation + 1e-7, value);
  }
}

BOOST_AUTO_TEST_CASE(levels_and_whole_steps_stay) {
  const auto q = fit("", 1);
  BOOST_TEST(applied(*q, q->levels(0)) == q->levels(0));
  BOOST_TEST(applied(*q, Floats(1000, 3)) == Floats(1000, 3));
  BOOST_TEST(applied(*q, {-99, 99, -8.2f, 7.4f}) == (Floats{-8, 7, -8, 7}));
}

BOOST_AUTO_TEST_CASE(draws_do_not_depend_on_tiles) {
  for (const int64_t channels : {1, 3, 17, 130, 2500}) {
    const Floats x = ramp(channels * 40);
    for (const char* granularity : {"", ", granularity: per_channel"}) {
      const auto q = fit(granularity, channels);
      const Floats whole = applied_in_tiles(*q, x, channels, 40, channels, 5);
      for (const int64_t rows : {1, 7})
        for (const int64_t width : {int64_t{1}, int64_t{8}, channels})
          BOOST_TEST((applied_in_tiles(*q, x, channels, rows, width, 5) == whole));
      BOOST_TEST((applied_in_tiles(*q, x, channels, 40, channels, 6) != whole));
    }
  }
}

BOOST_AUTO_TEST_CASE(draws_differ_by_seed_and_tensor_and_place) {
  const Floats x(400, 0.5f);
  const Floats y = applied(*fit("", 4), x, 4);
  BOOST_TEST((y == applied(*fit("", 4), x, 4)));
  BOOST_TEST((y == applied(*fit(", seed: 0", 4), x, 4)));
  BOOST_TEST((y != applied(*fit(", seed: 1", 4), x, 4)));
  BOOST_TEST((y != applied(*fit("", 4, "conv2/output"), x, 4)));
  std::set<std::vector<float>> rows;
  for (size_t r = 0; r < 100; ++r) rows.emplace(y.begin() + 4 * r, y.begin() + 4 * r + 4);
  BOOST_TEST(rows.size() == 16);
}

BOOST_AUTO_TEST_CASE(codes_are_those_of_the_values) {
  for (const int64_t channels : {1, 3, 17, 130}) {
    const auto q = fit("", channels);
    const Floats x = ramp(channels * 20), y = applied(*q, x, channels);
    const std::vector<int32_t> codes = codes_of(*q, x, channels);
    for (size_t i = 0; i < x.size(); ++i) BOOST_REQUIRE(y[i] == q->levels(0)[codes[i]]);
  }
}

BOOST_AUTO_TEST_CASE(words_belong_to_places) {
  const Draws draws{Rng(9), 5};
  const Rng chunk = Rng(9).fork(uint64_t{3});
  TileWords whole(draws, {nullptr, 1000, 5, 5, 2, 0, 3, 0});
  TileWords part(draws, {nullptr, 1000, 2, 2, 2, 3, 3, 0});
  for (const int64_t row : {0, 1, 600, 2}) {
    const uint64_t word = static_cast<uint64_t>(row + 2) * 5 + 4;
    BOOST_TEST(*whole.at(row, 4, 1) == chunk.words(word / 4)[word % 4]);
    BOOST_TEST(*part.at(row, 1, 1) == chunk.words(word / 4)[word % 4]);
  }
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace quantdyn::test
