// Layouts of memory by lifetimes: of thousands of drawn sets, no two live arrays share a float.
#include "framework/base/arena.h"

#include <algorithm>
#include <boost/test/unit_test.hpp>

#include "framework/base/rng.h"

namespace quantdyn {
namespace {

constexpr int64_t unit = 16;  // floats: what offsets are multiples of

int64_t padded(int64_t floats) { return (floats + unit - 1) / unit * unit; }

/// Up to 40 arrays over up to 30 steps; some are empty, some long, many of one size.
std::vector<Lifetime> drawn(const Rng& rng) {
  uint64_t draws = 0;
  const auto below = [&](int64_t bound) {
    return static_cast<int64_t>(rng.below(draws++, static_cast<uint64_t>(bound)));
  };
  const int64_t steps = 1 + below(30);
  std::vector<Lifetime> out(static_cast<size_t>(1 + below(40)));
  for (Lifetime& array : out) {
    const int64_t kind = below(4);
    array.floats = kind == 0 ? below(4) : kind == 1 ? 64 : below(kind == 2 ? 100 : 10000);
    array.first = static_cast<int>(below(steps));
    array.last = array.first + static_cast<int>(below(steps - array.first));
  }
  return out;
}

bool overlap(const Lifetime& a, const Lifetime& b) {
  return a.first <= b.last && b.first <= a.last;
}

/// The most floats that are live at any time: no layout takes less.
int64_t most_live(const std::vector<Lifetime>& arrays) {
  int64_t out = 0;
  for (const Lifetime& start : arrays) {
    int64_t live = 0;
    for (const Lifetime& other : arrays)
      live += overlap({0, start.first, start.first}, other) ? padded(other.floats) : 0;
    out = std::max(out, live);
  }
  return out;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(arena_test)

BOOST_AUTO_TEST_CASE(live_arrays_never_share_memory) {
  for (uint64_t seed = 0; seed < 5000; ++seed) {
    const std::vector<Lifetime> arrays = drawn(Rng(seed));
    const Layout layout = lay_out(arrays);
    BOOST_REQUIRE(layout.offsets.size() == arrays.size());
    int64_t clashes = 0, outside = 0, unaligned = 0;
    for (size_t i = 0; i < arrays.size(); ++i) {
      const int64_t begin = layout.offsets[i], end = begin + arrays[i].floats;
      unaligned += begin % unit != 0;
      outside += begin < 0 || end > layout.floats;
      for (size_t j = 0; j < i; ++j)
        clashes += overlap(arrays[i], arrays[j]) && begin < layout.offsets[j] + arrays[j].floats &&
                   layout.offsets[j] < end;
    }
    BOOST_TEST(clashes == 0, "seed " << seed);
    BOOST_TEST(outside == 0, "seed " << seed);
    BOOST_TEST(unaligned == 0, "seed " << seed);
    BOOST_TEST(layout.floats >= most_live(arrays), "seed " << seed);
    int64_t apart = 0;
    for (const Lifetime& array : arrays) apart += padded(array.floats);
    BOOST_TEST(layout.floats <= apart, "seed " << seed);
  }
}

BOOST_AUTO_TEST_CASE(arrays_of_different_times_share_memory) {
  const std::vector<Lifetime> chain = {{100, 0, 1}, {100, 1, 2}, {100, 2, 3}, {100, 3, 4}};
  BOOST_TEST(lay_out(chain).floats == 2 * padded(100));
}

BOOST_AUTO_TEST_CASE(memory_is_zero_at_first) {
  const Arena arena(1000);
  BOOST_TEST(std::all_of(arena.data(), arena.data() + 1000, [](float v) { return v == 0; }));
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace quantdyn
