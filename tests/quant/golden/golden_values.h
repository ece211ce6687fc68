// The values that the golden files of this folder were made of.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace quantdyn::test {

inline constexpr int64_t golden_rows = 6400;
inline constexpr int64_t golden_channels = 16;

/// draws() of golden_values.py, by place: 32 bits that have no pattern; the sum of their bytes
/// about zero; their upper 24.
struct GoldenDraw {
  int64_t word;
  double bell, flat;
};
GoldenDraw golden_draw(int64_t i, uint32_t offset = 12345);
/// make_values() of golden_values.py, [golden_rows, golden_channels].
std::vector<float> golden_values();
/// make_float_values() of golden_values.py.
std::vector<float> golden_float_values();
/// One channel of such values.
std::vector<float> column(const std::vector<float>& values, int64_t channel);
/// FNV-1a of the bytes.
std::string hash_of(const std::vector<float>& values);

}  // namespace quantdyn::test
