#include "layers/fused/code_windows.h"

#include <algorithm>

#include "layers/fused/code_tiles.h"
#include "layers/fused/vnni_codes.h"

namespace quantdyn {

PackedWindows::PackedWindows(std::span<const int32_t> weight, std::span<const CodeGrid> grids,
                             int32_t input_zero, bool repeats)
    : channels(static_cast<int64_t>(grids.size())),
      padded_channels((channels + 63) / 64 * 64),
      bytes(static_cast<size_t>(padded_channels * 12)),
      of_row_sum(padded_channels),
      constant(padded_channels) {
  for (int64_t c = 0; c < (repeats ? padded_channels : channels); ++c) {
    const CodeGrid& grid = grids[c % channels];
    const int32_t origin = byte_origin(grid);
    const int64_t block = c / 64 * 64, place = order(c % 64);
    int32_t sum = 0;
    for (int64_t row = 0; row < 3; ++row)
      for (int64_t column = 0; column < 3; ++column) {
        const int32_t code = weight[(row * 3 + column) * channels + c % channels];
        bytes[(block * 3 + column * 64 + place) * 4 + row] = static_cast<int8_t>(code - origin);
        sum += code - grid.zero_point;
      }
    of_row_sum[block + place] = origin - grid.zero_point;
    constant[block + place] = -input_zero * sum;
  }
  if (std::ranges::all_of(of_row_sum, [](int32_t factor) { return factor == 0; }))
    of_row_sum.clear();
}

bool has_code_windows() { return fast_tiles() != nullptr && fast_tiles()->codes != nullptr; }

#if defined(__x86_64__)
namespace {

constexpr int taps = 3, vectors = 4;

/// Values of 64 channels in the order of the kernel's vectors.
struct Ordered {
  alignas(64) float values[64];

  explicit Ordered(const float* from) {
    for (int64_t c = 0; c < 64; c += 4) std::copy_n(from + c, 4, values + PackedWindows::order(c));
  }
};

/// A column of three taps of 64 channels: quads of a channel's rows and a zero.
QUANTDYN_VNNI inline __attribute__((always_inline)) void load_column(const uint8_t* at, int64_t row,
                                                                     __m512i (&quads)[vectors]) {
  const __m512i a = _mm512_loadu_si512(at), b = _mm512_loadu_si512(at + row);
  const __m512i c = _mm512_loadu_si512(at + 2 * row), zero = _mm512_setzero_si512();
  const __m512i low = _mm512_unpacklo_epi8(a, b), high = _mm512_unpackhi_epi8(a, b);
  const __m512i low_c = _mm512_unpacklo_epi8(c, zero), high_c = _mm512_unpackhi_epi8(c, zero);
  quads[0] = _mm512_unpacklo_epi16(low, low_c);
  quads[1] = _mm512_unpackhi_epi16(low, low_c);
  quads[2] = _mm512_unpacklo_epi16(high, high_c);
  quads[3] = _mm512_unpackhi_epi16(high, high_c);
}

QUANTDYN_VNNI __attribute__((noinline)) void decide(const vnni::Finish& finish, const __m512i* sums,
                                                    const Ordered& scale, const Ordered& shift,
                                                    int64_t first, int64_t channels, int64_t period,
                                                    uint8_t* to) {
  for (int64_t j = 0; j < vectors; ++j) {
    const auto channel_of = [&](int lane) { return lane / 4 * 16 + j * 4 + lane % 4; };
    finish.decide(
        sums[j], _mm512_load_ps(scale.values + j * 16), _mm512_load_ps(shift.values + j * 16),
        [&](int lane) { return (first + channel_of(lane)) % period; },
        [&](int lane) { return channel_of(lane) < channels ? channel_of(lane) : -1; }, to);
  }
}

template <bool has_row_sums>
QUANTDYN_VNNI void run(const CodeWindows& windows, const PackedWindows& packed, const CodeMap& map,
                       int64_t first, int64_t channels, uint8_t* to, int64_t to_line,
                       int64_t to_step) {
  const vnni::Finish finish(map);
  const Ordered scale(map.scale.data() + first), shift(map.shift.data() + first);
  const int8_t* const weight = packed.bytes.data() + first * 12;
  const int32_t* const constant = packed.constant.data() + first;
  const uint64_t written = vnni::first_bytes(channels);
  for (int64_t index = 0; index < windows.images * windows.lines; ++index) {
    const int64_t image = index / windows.lines, line = index % windows.lines;
    const uint8_t* x = windows.x + image * windows.image + line * windows.line;
    uint8_t* y = to + index * to_line;
    for (int64_t i = 0; i < windows.count; ++i, x += windows.step, y += to_step) {
      __m512i sums[vectors], row_sums[vectors];
#pragma GCC unroll 4
      for (int j = 0; j < vectors; ++j) {
        sums[j] = _mm512_loadu_si512(constant + j * 16);
        row_sums[j] = _mm512_setzero_si512();
      }
#pragma GCC unroll 4
      for (int s = 0; s < taps; ++s) {
        __m512i quads[vectors];
        load_column(x + s * windows.pixel, windows.row, quads);
#pragma GCC unroll 4
        for (int j = 0; j < vectors; ++j) {
          sums[j] = _mm512_dpbusd_epi32(sums[j], quads[j],
                                        _mm512_loadu_si512(weight + (s * vectors + j) * 64));
          if (has_row_sums)
            row_sums[j] = _mm512_dpbusd_epi32(row_sums[j], quads[j], _mm512_set1_epi8(1));
        }
      }
      __m512i code[vectors];
      __m512 off = _mm512_setzero_ps();
#pragma GCC unroll 4
      for (int j = 0; j < vectors; ++j) {
        if (has_row_sums)
          sums[j] = _mm512_add_epi32(
              sums[j], _mm512_mullo_epi32(row_sums[j], _mm512_loadu_si512(packed.of_row_sum.data() +
                                                                          first + j * 16)));
        code[j] = vnni::Finish::whole(sums[j], _mm512_load_ps(scale.values + j * 16),
                                      _mm512_load_ps(shift.values + j * 16), off);
      }
      _mm512_mask_storeu_epi8(y, written, finish.pack(code[0], code[1], code[2], code[3]));
      if (finish.is_close(off)) [[unlikely]] {
        const __m512i copy[vectors] = {sums[0], sums[1], sums[2], sums[3]};  // stay in registers
        decide(finish, copy, scale, shift, first, channels, packed.channels, y);
      }
    }
  }
}

}  // namespace

void windows_to_codes(const CodeWindows& windows, const PackedWindows& weight, const CodeMap& map,
                      int64_t first, int64_t channels, uint8_t* to, int64_t to_line,
                      int64_t to_step) {
  if (weight.of_row_sum.empty())
    run<false>(windows, weight, map, first, channels, to, to_line, to_step);
  else
    run<true>(windows, weight, map, first, channels, to, to_line, to_step);
}
#else
void windows_to_codes(const CodeWindows&, const PackedWindows&, const CodeMap&, int64_t, int64_t,
                      uint8_t*, int64_t, int64_t) {}
#endif

}  // namespace quantdyn
