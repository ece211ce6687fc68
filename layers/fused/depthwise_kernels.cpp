#include "layers/fused/depthwise_kernels.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "layers/fused/depthwise_kernels.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "layers/fused/activation-inl.h"
#include "layers/fused/channels-inl.h"

HWY_BEFORE_NAMESPACE();
namespace quantdyn::HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

/// The taps [begin, end) of `count` that fall on [0, size) when the first is at `start`.
struct Taps {
  int64_t begin, end;
  Taps(int64_t start, int64_t count, int64_t size)
      : begin(std::clamp<int64_t>(-start, 0, count)),
        end(std::clamp<int64_t>(size - start, begin, count)) {}
};

/// What one line of outputs reads: `at` is the first tap of output 0, which may be outside.
struct Line {
  const ImageWindow& window;
  const float* at;
  int64_t pitch;  // floats of an image row
  Taps rows;
  int64_t begin, end;  // outputs whose taps are all inside their rows

  Line(const ImageWindow& w, const ImageRows& x, int64_t line)
      : window(w),
        at(x.data + (line * w.stride_h + w.first_h - x.first) * w.w * w.channels +
           w.first_w * w.channels),
        pitch(w.w * w.channels),
        rows(line * w.stride_h + w.first_h, w.taps_h, w.h) {
    const int64_t last = w.w - w.taps_w - w.first_w;  // where the last tap is the last column
    end = last < 0 ? 0 : std::min(w.out_w, last / w.stride_w + 1);
    begin = std::min(end, (std::max<int64_t>(-w.first_w, 0) + w.stride_w - 1) / w.stride_w);
  }
  Taps columns(int64_t output) const {
    return {output * window.stride_w + window.first_w, window.taps_w, window.w};
  }
};

/// Several neighbouring outputs whose taps are all inside: each column that they share is loaded
/// once. `at` and `weight` start at the first tap.
template <int outputs, int rows, int taps_w, int stride, class D>
HWY_INLINE void sum_outputs(D d, const float* HWY_RESTRICT at, int64_t pitch, int64_t channels,
                            const float* HWY_RESTRICT weight, int64_t weight_row,
                            float* HWY_RESTRICT to, int64_t to_row, bool add, bool is_mapped,
                            const Mapped<D>& mapped) {
  using V = hn::Vec<D>;
  constexpr int columns = (outputs - 1) * stride + taps_w;
  V sums[outputs];
#pragma GCC unroll 8
  for (int i = 0; i < outputs; ++i) sums[i] = add ? hn::LoadU(d, to + i * to_row) : hn::Zero(d);
#pragma GCC unroll 4
  for (int r = 0; r < rows; ++r) {
    V column[columns];
#pragma GCC unroll 16
    for (int j = 0; j < columns; ++j) column[j] = hn::LoadU(d, at + r * pitch + j * channels);
#pragma GCC unroll 4
    for (int s = 0; s < taps_w; ++s) {
      const V w = hn::LoadU(d, weight + r * weight_row + s * channels);
#pragma GCC unroll 8
      for (int i = 0; i < outputs; ++i) sums[i] = hn::MulAdd(column[i * stride + s], w, sums[i]);
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < outputs; ++i)
    hn::StoreU(is_mapped ? mapped(d, sums[i]) : sums[i], d, to + i * to_row);
}

/// Blocks of `outputs` from output `first` on, as long as they fit before `end`; reads taps
/// [tap, tap + taps_w) of each row. Returns the next output.
template <int outputs, int rows, int taps_w, int stride>
HWY_NOINLINE int64_t sum_blocks(const Line& line, int64_t first, int64_t end, int64_t tap,
                                const float* weight, float* to, const ProductRows& target, bool add,
                                FetchAhead& whole) {
  FetchAhead ahead = whole;  // in registers
  const int64_t channels = line.window.channels, pitch = line.pitch, to_row = target.row;
  const int64_t weight_row = line.window.taps_w * channels;
  const ChannelMap* const map = target.map;
  weight += line.rows.begin * weight_row + tap * channels;
  const float* at = line.at + line.rows.begin * pitch + (first * stride + tap) * channels;
  to += first * to_row;
  for (; first + outputs <= end; first += outputs) {
    for_channels(channels, [&](auto d, int64_t c) HWY_ATTR {
      ahead.first.template fetch_at_pace<outputs>();
      ahead.second.template fetch_at_pace<outputs>();
      sum_outputs<outputs, rows, taps_w, stride>(d, at + c, pitch, channels, weight + c, weight_row,
                                                 to + c, to_row, add, map != nullptr,
                                                 Mapped<decltype(d)>(d, map, c));
    });
    at += outputs * stride * channels;
    to += outputs * to_row;
  }
  whole = ahead;
  return first;
}

/// Outputs [begin, end), one by one; they may reach over the image's edge.
template <int rows, int stride>
void sum_border(const Line& line, int64_t begin, int64_t end, const float* weight, float* to,
                const ProductRows& target, bool add, FetchAhead& ahead) {
  for (int64_t i = begin; i < end; ++i) {
    const auto [tap, last] = line.columns(i);
    if (last - tap == 1)
      sum_blocks<1, rows, 1, stride>(line, i, i + 1, tap, weight, to, target, add, ahead);
    if (last - tap == 2)
      sum_blocks<1, rows, 2, stride>(line, i, i + 1, tap, weight, to, target, add, ahead);
    if (last - tap == 3)
      sum_blocks<1, rows, 3, stride>(line, i, i + 1, tap, weight, to, target, add, ahead);
    if (last == tap) sum_blocks<1, 0, 1, stride>(line, i, i + 1, 0, weight, to, target, add, ahead);
  }
}

template <int rows, int taps_w, int stride>
void sum_line(const Line& line, const float* weight, float* to, const ProductRows& target, bool add,
              FetchAhead& ahead) {
  const int64_t end = line.end;
  sum_border<rows, stride>(line, 0, line.begin, weight, to, target, add, ahead);
  int64_t i =
      sum_blocks<4, rows, taps_w, stride>(line, line.begin, end, 0, weight, to, target, add, ahead);
  i = sum_blocks<2, rows, taps_w, stride>(line, i, end, 0, weight, to, target, add, ahead);
  i = sum_blocks<1, rows, taps_w, stride>(line, i, end, 0, weight, to, target, add, ahead);
  sum_border<rows, stride>(line, i, line.window.out_w, weight, to, target, add, ahead);
}

template <int taps_w, int stride>
void sum_common_line(const Line& line, const float* weight, float* to, const ProductRows& target,
                     bool add, FetchAhead& ahead) {
  const int64_t rows = line.rows.end - line.rows.begin;
  if (rows == 3) return sum_line<3, taps_w, stride>(line, weight, to, target, add, ahead);
  if (rows == 2) return sum_line<2, taps_w, stride>(line, weight, to, target, add, ahead);
  if (rows == 1) return sum_line<1, taps_w, stride>(line, weight, to, target, add, ahead);
  sum_line<0, taps_w, stride>(line, weight, to, target, add, ahead);
}

/// One output of any window.
template <class D>
HWY_INLINE void sum_output(D d, const Line& line, int64_t output, const float* weight, float* to,
                           const ChannelMap* map, bool add, int64_t c) {
  const ImageWindow& window = line.window;
  const Taps columns = line.columns(output);
  const float* const at = line.at + output * window.stride_w * window.channels + c;
  auto sum = add ? hn::LoadU(d, to + c) : hn::Zero(d);
  for (int64_t r = line.rows.begin; r < line.rows.end; ++r)
    for (int64_t s = columns.begin; s < columns.end; ++s)
      sum = hn::MulAdd(hn::LoadU(d, at + r * line.pitch + s * window.channels),
                       hn::LoadU(d, weight + (r * window.taps_w + s) * window.channels + c), sum);
  hn::StoreU(map ? Mapped<D>(d, map, c)(d, sum) : sum, d, to + c);
}

void sum_any_line(const Line& line, const float* weight, float* to, const ProductRows& target,
                  bool add) {
  for (int64_t i = 0; i < line.window.out_w; ++i)
    for_channels(line.window.channels, [&](auto d, int64_t c) HWY_ATTR {
      sum_output(d, line, i, weight, to + i * target.row, target.map, add, c);
    });
}

/// Adds some neighbouring outputs, whose taps are all inside, to the sums of a window's taps: each
/// column that they share is loaded once. `at` starts at the first tap.
template <int outputs, int rows, int taps_w, int stride, class D>
HWY_INLINE void add_outputs(D d, const float* HWY_RESTRICT at, int64_t pitch, int64_t channels,
                            const float* HWY_RESTRICT dy, hn::Vec<D>* HWY_RESTRICT sums) {
  using V = hn::Vec<D>;
  constexpr int columns = (outputs - 1) * stride + taps_w;
  V g[outputs];
#pragma GCC unroll 8
  for (int i = 0; i < outputs; ++i) g[i] = hn::LoadU(d, dy + i * channels);
#pragma GCC unroll 4
  for (int r = 0; r < rows; ++r) {
    V column[columns];
#pragma GCC unroll 16
    for (int j = 0; j < columns; ++j) column[j] = hn::LoadU(d, at + r * pitch + j * channels);
#pragma GCC unroll 8
    for (int i = 0; i < outputs; ++i)
#pragma GCC unroll 4
      for (int s = 0; s < taps_w; ++s)
        sums[r * 3 + s] = hn::MulAdd(column[i * stride + s], g[i], sums[r * 3 + s]);
  }
}

/// The same for one output at the edge, which has taps [begin, end) of each row.
template <int rows, class D>
HWY_INLINE void add_border(D d, const Line& line, int64_t output, const float* at, const float* dy,
                           hn::Vec<D>* sums) {
  const int64_t channels = line.window.channels;
  const auto [begin, end] = line.columns(output);
  const auto g = hn::LoadU(d, dy);
#pragma GCC unroll 4
  for (int r = 0; r < rows; ++r)
#pragma GCC unroll 4
    for (int s = 0; s < 3; ++s) {
      if (s < begin || s >= end) continue;
      sums[r * 3 + s] =
          hn::MulAdd(hn::LoadU(d, at + r * line.pitch + s * channels), g, sums[r * 3 + s]);
    }
}

/// One line's gradient of a 3 x 3 window that has `rows` rows of taps inside.
template <int rows, int stride, class D>
HWY_INLINE void line_gradient(D d, const Line& line, const float* dy, float* dweight, int64_t c,
                              FetchAhead& ahead) {
  const int64_t channels = line.window.channels, step = stride * channels;
  const float* at = line.at + line.rows.begin * line.pitch + c;
  hn::Vec<D> sums[3 * 3];
#pragma GCC unroll 16
  for (auto& sum : sums) sum = hn::Zero(d);
  int64_t i = 0;
  dy += c;
  for (; i < line.begin; ++i) add_border<rows>(d, line, i, at + i * step, dy + i * channels, sums);
  for (; i + 4 <= line.end; i += 4) {
    ahead.first.fetch<4>();
    ahead.second.fetch<4>();
    add_outputs<4, rows, 3, stride>(d, at + i * step, line.pitch, channels, dy + i * channels,
                                    sums);
  }
  for (; i < line.end; ++i)
    add_outputs<1, rows, 3, stride>(d, at + i * step, line.pitch, channels, dy + i * channels,
                                    sums);
  for (; i < line.window.out_w; ++i)
    add_border<rows>(d, line, i, at + i * step, dy + i * channels, sums);
#pragma GCC unroll 16
  for (int tap = 0; tap < rows * 3; ++tap) {
    float* const to = dweight + (line.rows.begin * 3 + tap) * channels + c;
    hn::StoreU(hn::Add(hn::LoadU(d, to), sums[tap]), d, to);
  }
}

template <int rows, int stride>
HWY_NOINLINE void common_line_gradient(const Line& line, const float* dy, float* dweight,
                                       FetchAhead& whole) {
  FetchAhead ahead = whole;  // in registers
  for_channels(line.window.channels, [&](auto d, int64_t c) HWY_ATTR {
    line_gradient<rows, stride>(d, line, dy, dweight, c, ahead);
  });
  whole = ahead;
}

/// Of a 3 x 3 window; nothing if no row of taps is inside.
template <int stride>
void common_gradient(const Line& line, const float* dy, float* dweight, FetchAhead& ahead) {
  const int64_t rows = line.rows.end - line.rows.begin;
  if (rows == 3) return common_line_gradient<3, stride>(line, dy, dweight, ahead);
  if (rows == 2) return common_line_gradient<2, stride>(line, dy, dweight, ahead);
  if (rows == 1) return common_line_gradient<1, stride>(line, dy, dweight, ahead);
}

/// One tap of any window.
template <class D>
HWY_INLINE void tap_gradient(D d, const Line& line, int64_t r, int64_t s, const float* dy,
                             float* dweight, int64_t c) {
  const ImageWindow& window = line.window;
  auto sum = hn::Zero(d);
  for (int64_t i = 0; i < window.out_w; ++i) {
    const Taps columns = line.columns(i);
    if (s < columns.begin || s >= columns.end) continue;
    const float* const at = line.at + (i * window.stride_w + s) * window.channels + r * line.pitch;
    sum = hn::MulAdd(hn::LoadU(d, at + c), hn::LoadU(d, dy + i * window.channels + c), sum);
  }
  float* const to = dweight + (r * window.taps_w + s) * window.channels + c;
  hn::StoreU(hn::Add(hn::LoadU(d, to), sum), d, to);
}

}  // namespace

void sums(const ImageWindow& window, const ImageRows& x, int64_t first, int64_t lines,
          const float* weight, const ProductRows& to, bool add, FetchAhead& ahead) {
  const int64_t stride = window.stride_w, taps = window.taps_w;
  for (int64_t l = 0; l < lines; ++l) {
    const Line line(window, x, first + l);
    float* const y = to.data + l * to.line;
    const bool is_common = window.taps_h <= 3;
    if (is_common && taps == 3 && stride == 1)
      sum_common_line<3, 1>(line, weight, y, to, add, ahead);
    else if (is_common && taps == 3 && stride == 2)
      sum_common_line<3, 2>(line, weight, y, to, add, ahead);
    else if (is_common && taps == 2 && stride == 1)  // a phase of a gradient
      sum_common_line<2, 1>(line, weight, y, to, add, ahead);
    else if (is_common && taps == 1 && stride == 1)
      sum_common_line<1, 1>(line, weight, y, to, add, ahead);
    else
      sum_any_line(line, weight, y, to, add);
  }
}

void weight_gradient(const ImageWindow& window, const ImageRows& x, int64_t first, int64_t lines,
                     const float* dy, float* dweight, FetchAhead& ahead) {
  const bool is_common = window.taps_h == 3 && window.taps_w == 3;
  for (int64_t l = 0; l < lines; ++l, dy += window.out_w * window.channels) {
    const Line line(window, x, first + l);
    if (is_common && window.stride_w == 1)
      common_gradient<1>(line, dy, dweight, ahead);
    else if (is_common && window.stride_w == 2)
      common_gradient<2>(line, dy, dweight, ahead);
    else
      for (int64_t r = line.rows.begin; r < line.rows.end; ++r)
        for (int64_t s = 0; s < window.taps_w; ++s)
          for_channels(window.channels, [&](auto d, int64_t c) HWY_ATTR {
            tap_gradient(d, line, r, s, dy, dweight, c);
          });
  }
}

}  // namespace quantdyn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace quantdyn {

HWY_EXPORT(sums);
HWY_EXPORT(weight_gradient);

void depthwise_sums(const ImageWindow& window, const ImageRows& x, int64_t line, int64_t lines,
                    const float* weight, const ProductRows& to, Accumulate accumulate,
                    FetchAhead* ahead) {
  FetchAhead nothing(weight);
  HWY_DYNAMIC_DISPATCH(sums)
  (window, x, line, lines, weight, to, accumulate == Accumulate::yes, ahead ? *ahead : nothing);
}
void depthwise_weight_gradient(const ImageWindow& window, const ImageRows& x, int64_t line,
                               int64_t lines, const float* dy, float* dweight, FetchAhead* ahead) {
  FetchAhead nothing(dy);
  HWY_DYNAMIC_DISPATCH(weight_gradient)
  (window, x, line, lines, dy, dweight, ahead ? *ahead : nothing);
}

}  // namespace quantdyn
#endif
