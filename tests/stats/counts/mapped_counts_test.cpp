#include "stats/counts/mapped_counts.h"

#include <algorithm>
#include <bit>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <vector>

#include "framework/base/error.h"
#include "tests/every_target.h"
#include "tests/stats/observe.h"

using namespace quantdyn;

namespace {

constexpr float inf = std::numeric_limits<float>::infinity();

/// y = fma(z, scale, shift) by channel.
struct Affine {
  std::vector<float> scale, shift;

  void apply(float* values, int64_t rows) const {
    for (int64_t row = 0; row < rows; ++row)
      for (size_t c = 0; c < scale.size(); ++c, ++values)
        *values = std::fma(*values, scale[c], shift[c]);
  }
  TapMap map() const {
    return {scale, [this](float* values, int64_t rows) { apply(values, rows); }};
  }
};

/// Rising and falling maps, steep and flat ones, and some that show what is not finite.
Affine some_maps(int64_t channels) {
  const float scales[] = {1,     -1,   0.37f, -2.5f,  0,   1e-8f, 3e7f, -1e-30f,
                          1e30f, 0.9f, inf,   1.125f, NAN, -0.6f, 1,    -4};
  const float shifts[] = {0, 0, -0.2f, 1, 2, 1e-6f, 5, 0, 1e30f, 7, 0, -3, 0, inf, NAN, 1e-3f};
  Affine out;
  for (int64_t c = 0; c < channels; ++c) {
    out.scale.push_back(scales[c % 16]);
    out.shift.push_back(shifts[(c + c / 16) % 16]);
  }
  return out;
}

/// Of all magnitudes, with zeros, denormals and what is not finite among them.
std::vector<float> some_values(int64_t count) {
  std::vector<float> out = random_values(count);
  const float special[] = {0,     -0.0f,  1e-42f, -1e-42f, NAN,  inf,  -inf,
                           3e38f, -3e38f, 1e-9f,  -1e6f,   0.5f, 0.5f, std::bit_cast<float>(1)};
  for (int64_t i = 0; i < count; ++i) {
    if (i % 11 == 3) out[i] = std::ldexp(out[i], static_cast<int>(i / 11 % 80) - 40);
    if (i % 29 == 7) out[i] = special[i / 29 % std::size(special)];
  }
  return out;
}

bool same_counts(const ChannelCounts& a, const ChannelCounts& b, int64_t channels) {
  for (int64_t c = 0; c < channels; ++c)
    if (a.of_channel(c) != b.of_channel(c)) return false;
  return a.of_layer() == b.of_layer();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(mapped_counts_test)

BOOST_AUTO_TEST_CASE(every_cell_of_a_staircase_is_of_its_own) {
  const MappedCells cells{LogBins{}};
  BOOST_TEST(cells.of(3, -5, 0) == cells.origin() - 2);
  BOOST_TEST(cells.of(3, -5, -1) == cells.origin() + 8);
  BOOST_TEST(cells.of(-cells.top(), -cells.top(), 0) == 0);
  BOOST_TEST(cells.of(cells.top(), cells.top(), 0) == cells.sums() - 1);
  BOOST_TEST(cells.source_alone(-cells.bins.zero()) == cells.sums());
  BOOST_TEST(cells.mapped_alone(cells.top() + 2) == cells.nowhere() - 1);
}

BOOST_AUTO_TEST_CASE(one_count_tells_what_two_would_on_every_instruction_set) {
  test::on_every_target([](const std::string& target) {
    for (int64_t channels : {1, 3, 10, 16, 37, 144})
      for (int64_t tile_rows : {1, 6, 7, 64, 3000}) {
        const int64_t rows = 3000;
        const Affine affine = some_maps(channels);
        const std::vector<float> z = some_values(rows * channels);
        std::vector<float> y = z;
        affine.apply(y.data(), rows);
        MappedCounts both(channels, {}, affine.map());
        ChannelCounts source(channels, {}), mapped(channels, {});
        for (int64_t row = 0; row < rows; row += tile_rows) {
          const int64_t count = std::min(tile_rows, rows - row);
          const auto tile = [&](const std::vector<float>& x) {
            return Tile{x.data() + row * channels, count, channels, channels, row, 0, 0, 0};
          };
          both.add_source(tile(z));
          both.add_mapped(tile(y));
          source.add(tile(z));
          mapped.add(tile(y));
        }
        const auto [of_z, of_y] = both.split();
        BOOST_TEST(same_counts(of_z, source, channels), target << ", " << channels << " channels");
        BOOST_TEST(same_counts(of_y, mapped, channels), target << ", " << channels << " channels");
      }
  });
}

BOOST_AUTO_TEST_CASE(more_values_than_a_small_count_holds_and_other_workers_are_added) {
  const Affine affine{{-2}, {1}};
  const std::vector<float> z(150000, 0.75f), y(150000, -0.5f);
  MappedCounts first(1, {}, affine.map()), second(1, {}, affine.map());
  for (int64_t row = 0; row < 150000; row += 1000)
    for (MappedCounts* counts : {&first, &second}) {
      counts->add_source({z.data() + row, 1000, 1, 1, row, 0, 0, 0});
      counts->add_mapped({y.data() + row, 1000, 1, 1, row, 0, 0, 0});
    }
  first.merge(std::move(second));
  const auto [of_z, of_y] = first.split();
  BOOST_TEST(of_z.of_channel(0)[LogBins{}.index(0.75f)] == 300000u);
  BOOST_TEST(of_y.of_channel(0)[LogBins{}.index(-0.5f)] == 300000u);
}

BOOST_AUTO_TEST_CASE(cells_that_the_map_cannot_reach_are_noticed) {
  const Affine affine{{1}, {0}};
  const std::vector<float> z{1, 2, 3}, y{1.2f, 2, 3};
  MappedCounts counts(1, {}, affine.map());
  counts.add_source({z.data(), 3, 1, 1, 0, 0, 0, 0});
  counts.add_mapped({y.data(), 3, 1, 1, 0, 0, 0, 0});
  BOOST_CHECK_THROW(counts.split(), Error);
}

BOOST_AUTO_TEST_CASE(too_many_bins_and_almost_empty_groups_are_counted_apart) {
  BOOST_TEST(MappedCounts::pays(32, LogBins{}));
  BOOST_TEST(MappedCounts::pays(24, LogBins{3, -48}));
  BOOST_TEST(!MappedCounts::pays(32, LogBins{7, -24}));
  BOOST_TEST(!MappedCounts::pays(8, LogBins{}));
}

BOOST_AUTO_TEST_SUITE_END()
