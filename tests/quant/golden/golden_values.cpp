#include "tests/quant/golden/golden_values.h"

#include <algorithm>
#include <array>
#include <bit>

#include "framework/base/error.h"

namespace quantdyn::test {

GoldenDraw golden_draw(int64_t i, uint32_t offset) {
  auto hash = static_cast<uint32_t>(static_cast<uint64_t>(i) * 2654435761u + offset);
  hash ^= hash >> 15;
  hash *= 2246822519u;
  hash ^= hash >> 13;
  const int64_t u = hash;
  return {u, static_cast<double>((u & 255) + (u >> 8 & 255) + (u >> 16 & 255) + (u >> 24) - 510),
          static_cast<double>(u >> 8)};
}

std::vector<float> golden_values() {
  std::vector<float> out;
  for (int64_t i = 0; i < golden_rows * golden_channels; ++i) {
    const auto [u, bell, flat] = golden_draw(i);
    const std::array<double, 13> cases{0,
                                       0.75,
                                       static_cast<double>(u % 511) / 128,
                                       static_cast<double>(u % 511 - 254) / 128,
                                       3 + flat * 0x1p-23,
                                       -5 + flat * 0x1p-24,
                                       bell * 0x1p-140,
                                       i / golden_channels == 77 ? 1e6 : bell / 256,
                                       std::max(bell / 256, 0.0),
                                       bell * 0x1p-20,
                                       flat * 0x1p-24,
                                       static_cast<double>(u % 509 - 254) / 128,
                                       static_cast<double>(u % 511 - 255) / 128};
    const int64_t channel = i % golden_channels;
    out.push_back(static_cast<float>(channel < 13 ? cases[channel] : bell / 256));
  }
  return out;
}

std::vector<float> golden_float_values() {
  constexpr uint32_t special[] = {0,          0x80000000, 0x7F800000, 0xFF800000,
                                  0x7FC00000, 0xFFC00001, 0x7F7FFFFF, 0xFF7FFFFF,
                                  1,          0x80000001, 0x007FFFFF, 0x00800000};
  std::vector<float> out;
  for (int64_t i = 0; i < golden_rows * golden_channels; ++i) {
    const int64_t u = golden_draw(i).word;
    const int64_t dropped = 23 - std::min<int64_t>(u & 31, 23);
    const int64_t mantissa = (u * 747796405 >> 9 & 0x7FFFFF) >> dropped << dropped;
    const int64_t bits = (u >> 31 << 31) | (95 + (u >> 23 & 63)) << 23 | mantissa;
    out.push_back(std::bit_cast<float>(i < 12 ? special[i] : static_cast<uint32_t>(bits)));
  }
  return out;
}

std::vector<float> column(const std::vector<float>& values, int64_t channel) {
  std::vector<float> out;
  for (int64_t r = 0; r < golden_rows; ++r) out.push_back(values[r * golden_channels + channel]);
  return out;
}

std::string hash_of(const std::vector<float>& values) {
  uint64_t state = 0xcbf29ce484222325u;
  for (const float value : values)
    for (const auto byte : std::bit_cast<std::array<uint8_t, 4>>(value))
      state = (state ^ byte) * 0x100000001b3u;
  return fmt::format("{:016x}", state);
}

}  // namespace quantdyn::test
