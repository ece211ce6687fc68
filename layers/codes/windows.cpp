#include "layers/codes/windows.h"

#include <algorithm>

#include "layers/codes/tiles.h"
#include "layers/codes/vnni.h"

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

constexpr int vectors = 4;

/// Values of 64 channels in the order of the kernel's vectors.
struct Ordered {
  alignas(64) float values[64];

  explicit Ordered(const float* from) {
    for (int64_t c = 0; c < 64; c += 4) std::copy_n(from + c, 4, values + PackedWindows::order(c));
  }
};

/// A column of three taps of 64 channels: quads of a channel's rows and a zero.
struct Column {
  __m512i quads[vectors];

  QUANTDYN_VNNI inline __attribute__((always_inline)) void load(const uint8_t* at, int64_t row) {
    const __m512i a = _mm512_loadu_si512(at), b = _mm512_loadu_si512(at + row);
    const __m512i c = _mm512_loadu_si512(at + 2 * row), zero = _mm512_setzero_si512();
    const __m512i low = _mm512_unpacklo_epi8(a, b), high = _mm512_unpackhi_epi8(a, b);
    const __m512i low_c = _mm512_unpacklo_epi8(c, zero), high_c = _mm512_unpackhi_epi8(c, zero);
    quads[0] = _mm512_unpacklo_epi16(low, low_c);
    quads[1] = _mm512_unpackhi_epi16(low, low_c);
    quads[2] = _mm512_unpacklo_epi16(high, high_c);
    quads[3] = _mm512_unpackhi_epi16(high, high_c);
  }
};

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

/// 64 channels of one layer.
template <bool has_row_sums>
struct Channels {
  const vnni::Finish finish;
  const Ordered scale, shift;
  const int8_t* weight;
  const int32_t* constant;
  const int32_t* of_row_sum;
  const int64_t first, count, period;
  const uint64_t written;

  QUANTDYN_VNNI Channels(const PackedWindows& packed, const CodeMap& map, int64_t first_channel,
                         int64_t channels)
      : finish(map),
        scale(map.scale.data() + first_channel),
        shift(map.shift.data() + first_channel),
        weight(packed.bytes.data() + first_channel * 12),
        constant(packed.constant.data() + first_channel),
        of_row_sum(has_row_sums ? packed.of_row_sum.data() + first_channel : nullptr),
        first(first_channel),
        count(channels),
        period(packed.channels),
        written(vnni::first_bytes(channels)) {}

  /// One output of three columns.
  QUANTDYN_VNNI inline __attribute__((always_inline)) void write(const Column& left,
                                                                 const Column& middle,
                                                                 const Column& right,
                                                                 uint8_t* to) const {
    __m512i sums[vectors], code[vectors];
    __m512 off = _mm512_setzero_ps();
#pragma GCC unroll 4
    for (int j = 0; j < vectors; ++j) {
      const auto weight_of = [&](int column) QUANTDYN_VNNI {
        return _mm512_loadu_si512(weight + (column * vectors + j) * 64);
      };
      sums[j] = _mm512_loadu_si512(constant + j * 16);
      sums[j] = _mm512_dpbusd_epi32(sums[j], left.quads[j], weight_of(0));
      sums[j] = _mm512_dpbusd_epi32(sums[j], middle.quads[j], weight_of(1));
      sums[j] = _mm512_dpbusd_epi32(sums[j], right.quads[j], weight_of(2));
      if (has_row_sums) {
        const __m512i one = _mm512_set1_epi8(1);
        __m512i all = _mm512_dpbusd_epi32(_mm512_setzero_si512(), left.quads[j], one);
        all = _mm512_dpbusd_epi32(all, middle.quads[j], one);
        all = _mm512_dpbusd_epi32(all, right.quads[j], one);
        const __m512i factor = _mm512_loadu_si512(of_row_sum + j * 16);
        sums[j] = _mm512_add_epi32(sums[j], _mm512_mullo_epi32(all, factor));
      }
      code[j] = vnni::Finish::whole(sums[j], _mm512_load_ps(scale.values + j * 16),
                                    _mm512_load_ps(shift.values + j * 16), off);
    }
    _mm512_mask_storeu_epi8(to, written, finish.pack(code[0], code[1], code[2], code[3]));
    if (finish.is_close(off)) [[unlikely]] {
      const __m512i copy[vectors] = {sums[0], sums[1], sums[2], sums[3]};  // stay in registers
      decide(finish, copy, scale, shift, first, count, period, to);
    }
  }

  /// A line of outputs. Neighbours share columns where they are a pixel apart.
  QUANTDYN_VNNI void write_line(const CodeWindows& windows, const uint8_t* x, uint8_t* to,
                                int64_t to_step) const {
    const int64_t row = windows.row, pixel = windows.pixel;
    Column a, b, c;
    int64_t i = 0;
    if (windows.step == pixel && windows.count >= 3) {
      a.load(x, row);
      b.load(x + pixel, row);
      for (; i + 3 <= windows.count; i += 3, x += 3 * pixel, to += 3 * to_step) {
        c.load(x + 2 * pixel, row);
        write(a, b, c, to);
        a.load(x + 3 * pixel, row);
        write(b, c, a, to + to_step);
        b.load(x + 4 * pixel, row);
        write(c, a, b, to + 2 * to_step);
      }
    }
    for (; i < windows.count; ++i, x += windows.step, to += to_step) {
      a.load(x, row);
      b.load(x + pixel, row);
      c.load(x + 2 * pixel, row);
      write(a, b, c, to);
    }
  }
};

template <bool has_row_sums>
QUANTDYN_VNNI void run(const CodeWindows& windows, const PackedWindows& packed, const CodeMap& map,
                       int64_t first, int64_t channels, uint8_t* to, int64_t to_line,
                       int64_t to_step) {
  const Channels<has_row_sums> all(packed, map, first, channels);
  for (int64_t image = 0; image < windows.images; ++image)
    for (int64_t line = 0; line < windows.lines; ++line, to += to_line)
      all.write_line(windows, windows.x + image * windows.image + line * windows.line, to, to_step);
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
