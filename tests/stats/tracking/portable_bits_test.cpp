// What stats/README.md promises of instruction sets: statistics have these bits on every machine.
#include "tests/portable_bits.h"

#include <boost/test/unit_test.hpp>
#include <limits>
#include <map>
#include <set>

#include "stats/errors/error_statistics.h"
#include "stats/tracking/tracker.h"
#include "tests/every_target.h"
#include "tests/stats/observe.h"

using namespace quantdyn;
using namespace quantdyn::test;

namespace {

constexpr int64_t rows = 9, channels = 19, images = 21;  // three chunks, the last with 5 images

std::vector<float> values() {
  std::vector<float> out = portable_values(images * rows * channels, 1);
  for (size_t i = 0; i < out.size(); ++i)
    if (i % channels == 3) out[i] = 1000 + out[i];  // far from zero
  out[5] = std::numeric_limits<float>::quiet_NaN();
  out[7] = std::numeric_limits<float>::infinity();
  out[8] = -0.0f;
  return out;
}

/// Everything that a run writes of a tap, and its errors beside a quantized twin.
Frame all_statistics() {
  const std::vector<float> x = values();
  std::vector<float> q = x;
  for (float& value : q) value = std::round(value * 16) / 16;
  Frame frame({0, channels});
  Tracker tracker(channels, 1, read_statistics(Options::from_text("{}", "test.yaml")));
  ErrorStatistics errors(channels, 1);
  const auto end = [&](int64_t chunk, int worker) {
    tracker.end_chunk(chunk, worker);
    errors.end_chunk(chunk, worker);
  };
  const auto show = [&](const Tile& tile) {
    Tile twin = tile;
    twin.values = q.data() + (tile.values - x.data());
    tracker.add(tile);
    errors.add(tile, twin);
  };
  cut_up(x, rows, channels, {}, show, end);
  tracker.finish(frame, "output", 0);
  errors.save(frame, "output", 0, "local");
  return frame;
}

std::map<std::string, uint64_t> hashes() {
  std::map<std::string, uint64_t> out;
  const Frame frame = all_statistics();
  for (const auto& [path, array] : frame.arrays())
    std::visit(
        [&, &name = path](const auto& values) {
          out[name] = hash_of(std::span<const typename std::decay_t<decltype(values)>::value_type>(
              values.data(), values.size()));
        },
        array.values);
  return out;
}

/// One number for all arrays.
uint64_t hash_of_all(const std::map<std::string, uint64_t>& hashes) {
  std::vector<uint64_t> all;
  for (const auto& [path, hash] : hashes) all.push_back(hash);
  return xxh64(std::as_bytes(std::span(all)));
}

/// Sums of products, and what is made of them.
bool sums_products(const std::string& path) {
  for (const char* name : {"variance", "std", "skewness", "kurtosis", "l2_norm", "qmse", "sqnr",
                           "cosine", "variance_shift"})
    if (path.ends_with(name)) return true;
  return false;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(portable_bits_test)

BOOST_AUTO_TEST_CASE(statistics_have_the_same_bits_on_every_machine_with_fused_multiply_add) {
  on_every_target([](const std::string& target) {
    if (!has_fused_multiply_add(target)) return;
    const uint64_t found = hash_of_all(hashes());
    BOOST_TEST(found == 0x93f91314e32900e9u, target << ": " << found);
  });
}

BOOST_AUTO_TEST_CASE(other_machines_differ_in_sums_of_products_alone) {
  std::map<std::string, uint64_t> expected;
  on_every_target([&](const std::string& target) {
    if (expected.empty() && has_fused_multiply_add(target)) expected = hashes();
  });
  if (expected.empty()) return;  // one of those machines
  on_every_target([&](const std::string& target) {
    for (const auto& [path, hash] : hashes())
      if (!sums_products(path)) BOOST_TEST(hash == expected.at(path), target << " " << path);
  });
}

BOOST_AUTO_TEST_SUITE_END()
