// What quant/README.md promises of instruction sets: quantized values and codes have these bits on
// every machine.
#include "tests/portable_bits.h"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>

#include "tests/every_target.h"
#include "tests/quant/helpers.h"

namespace quantdyn::test {
namespace {

constexpr int64_t channels = 19;

std::vector<float> values() {
  std::vector<float> out = portable_values(97 * channels, 4);
  for (size_t i = 0; i < out.size(); i += 7) out[i] = std::round(out[i] * 256) / 256;  // some tie
  out[3] = std::numeric_limits<float>::infinity();
  out[4] = -0.0f;
  return out;
}

/// Quantized values and their codes.
uint64_t hash_of_quantizer(const std::string& plugin) {
  const auto made = quantizer(plugin);
  FittingTask task{"conv1/output", channels, {}, {}};
  for (int64_t entry = 0; entry < made->granularity().entries(channels); ++entry)
    task.ranges.push_back({-1.5 - 0.01 * static_cast<double>(entry), 1.75});
  const auto quantization = made->fit(task);
  const std::vector<float> quantized = applied(*quantization, values(), channels);
  const std::vector<int32_t> codes = codes_of(*quantization, values(), channels);
  const std::array<uint64_t, 2> both{hash_of(std::span<const float>(quantized)),
                                     hash_of(std::span<const int32_t>(codes))};
  return xxh64(std::as_bytes(std::span(both)));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(portable_bits_test)

BOOST_AUTO_TEST_CASE(quantized_values_and_codes_have_these_bits_on_every_machine) {
  const std::vector<std::pair<std::string, uint64_t>> expected = {
      {"{name: affine}", 0x362b5ca86612ac90u},
      {"{name: affine, granularity: per_channel, bit_width: 4, symmetric: true, signed: true}",
       0xe6a30b9003b9a4a0u},
      {"{name: affine, scaling: reciprocal, rounding: half_away_from_zero}", 0x362b5ca86612ac90u},
      {"{name: affine, bit_width: 6, rounding: stochastic, seed: 5}", 0xbbdf8190211082a5u},
      {"{name: float}", 0x31c5bf67372b93f0u},
      {"{name: float, format: e5m2, scaling: range, granularity: per_channel}",
       0x2a90f8baf6becb9fu},
      {"{name: logarithmic}", 0xed513c5d1bfc5495u},
      {"{name: logarithmic, base: sqrt2, rounding: linear, granularity: per_channel}",
       0xb66221749101230du}};
  on_every_target([&](const std::string& target) {
    for (const auto& [plugin, hash] : expected) {
      const uint64_t found = hash_of_quantizer(plugin);
      BOOST_TEST(found == hash, target << " " << plugin << ": " << found);
    }
  });
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace quantdyn::test
