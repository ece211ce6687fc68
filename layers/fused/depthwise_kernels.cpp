#include "layers/fused/depthwise_kernels.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "layers/fused/depthwise_kernels.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "layers/fused/channels-inl.h"

HWY_BEFORE_NAMESPACE();
namespace quantdyn::HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

/// The taps [begin, end) of a window that fall on [0, size) when it starts at `start`.
struct Taps {
  int64_t begin, end;
  Taps(int64_t start, int64_t kernel, int64_t size)
      : begin(std::clamp<int64_t>(-start, 0, kernel)),
        end(std::clamp<int64_t>(size - start, begin, kernel)) {}
};

/// Output columns [begin, end) whose taps [first_tap, last_tap] all read inside a row.
struct Columns {
  int64_t begin, end;
  Columns(const Convolution& conv, int64_t first_tap, int64_t last_tap) {
    const int64_t before = conv.pad_left - first_tap;  // input column = q stride - pad + tap
    begin = before > 0 ? (before + conv.stride_w - 1) / conv.stride_w : 0;
    const int64_t last = conv.in_w - 1 + conv.pad_left - last_tap;
    end = last < 0 ? 0 : std::min(conv.out_w, last / conv.stride_w + 1);
    begin = std::min(begin, end);
  }
};

/// One output pixel, any kernel, at the borders too.
template <class D>
HWY_INLINE void forward_pixel(D d, const Convolution& conv, const Taps& rows, int64_t h0, int64_t q,
                              const float* x, const float* weight, float* y, bool add, int64_t c) {
  const int64_t w0 = q * conv.stride_w - conv.pad_left;
  const Taps columns(w0, conv.kernel_w, conv.in_w);
  auto sum = add ? hn::LoadU(d, y + c) : hn::Zero(d);
  for (int64_t r = rows.begin; r < rows.end; ++r)
    for (int64_t s = columns.begin; s < columns.end; ++s)
      sum = hn::MulAdd(hn::LoadU(d, x + ((h0 + r) * conv.in_w + w0 + s) * conv.in_c + c),
                       hn::LoadU(d, weight + (r * conv.kernel_w + s) * conv.in_c + c), sum);
  hn::StoreU(sum, d, y + c);
}

/// Four neighbouring output pixels of a kernel three wide, all inside: each input is loaded once a
/// row.
template <int stride, class D>
HWY_INLINE void forward_four(D d, const Convolution& conv, const Taps& rows, const float* x,
                             const float* weight, float* y, bool add, int64_t c) {
  const int64_t channels = conv.in_c;
  auto y0 = add ? hn::LoadU(d, y + c) : hn::Zero(d);
  auto y1 = add ? hn::LoadU(d, y + channels + c) : hn::Zero(d);
  auto y2 = add ? hn::LoadU(d, y + 2 * channels + c) : hn::Zero(d);
  auto y3 = add ? hn::LoadU(d, y + 3 * channels + c) : hn::Zero(d);
  for (int64_t r = rows.begin; r < rows.end; ++r) {
    const float* const row = x + r * conv.in_w * channels + c;
    for (int64_t s = 0; s < 3; ++s) {
      const auto w = hn::LoadU(d, weight + (r * 3 + s) * channels + c);
      y0 = hn::MulAdd(hn::LoadU(d, row + s * channels), w, y0);
      y1 = hn::MulAdd(hn::LoadU(d, row + (stride + s) * channels), w, y1);
      y2 = hn::MulAdd(hn::LoadU(d, row + (2 * stride + s) * channels), w, y2);
      y3 = hn::MulAdd(hn::LoadU(d, row + (3 * stride + s) * channels), w, y3);
    }
  }
  hn::StoreU(y0, d, y + c);
  hn::StoreU(y1, d, y + channels + c);
  hn::StoreU(y2, d, y + 2 * channels + c);
  hn::StoreU(y3, d, y + 3 * channels + c);
}

/// One output row of some channels; `four` is forward_four for this kernel and stride, or null.
template <class D, typename Four>
HWY_INLINE void forward_row(D d, const Convolution& conv, int64_t p, const float* x,
                            const float* weight, float* y, bool add, int64_t c, bool has_four,
                            const Four& four) {
  const int64_t h0 = p * conv.stride_h - conv.pad_top;
  const Taps rows(h0, conv.kernel_h, conv.in_h);
  const Columns inside(conv, 0, conv.kernel_w - 1);
  float* const row = y + p * conv.out_w * conv.in_c;
  int64_t q = 0;
  for (; q < inside.begin; ++q)
    forward_pixel(d, conv, rows, h0, q, x, weight, row + q * conv.in_c, add, c);
  for (; has_four && q + 4 <= inside.end; q += 4)
    four(d, rows, x + (h0 * conv.in_w + q * conv.stride_w - conv.pad_left) * conv.in_c,
         row + q * conv.in_c);
  for (; q < conv.out_w; ++q)
    forward_pixel(d, conv, rows, h0, q, x, weight, row + q * conv.in_c, add, c);
}

/// Taps of the output that one input pixel's gradient gathers from.
struct GatherTap {
  int64_t dy, weight;  // offsets of channel 0
};

int64_t gather_taps(const Convolution& conv, int64_t h, int64_t w, GatherTap* taps) {
  int64_t count = 0;
  for (int64_t r = (h + conv.pad_top) % conv.stride_h; r < conv.kernel_h; r += conv.stride_h) {
    const int64_t p = (h + conv.pad_top - r) / conv.stride_h;
    if (h + conv.pad_top < r || p >= conv.out_h) continue;
    for (int64_t s = (w + conv.pad_left) % conv.stride_w; s < conv.kernel_w; s += conv.stride_w) {
      const int64_t q = (w + conv.pad_left - s) / conv.stride_w;
      if (w + conv.pad_left < s || q >= conv.out_w) continue;
      taps[count++] = {(p * conv.out_w + q) * conv.in_c, (r * conv.kernel_w + s) * conv.in_c};
    }
  }
  return count;
}

}  // namespace

void forward(const Convolution& conv, const float* x, const float* weight, float* y, bool add) {
  const bool is_three = conv.kernel_w == 3;
  for (int64_t p = 0; p < conv.out_h; ++p)
    for_channels(conv.in_c, [&](auto d, int64_t c) HWY_ATTR {
      if (conv.stride_w == 2)
        forward_row(d, conv, p, x, weight, y, add, c, is_three,
                    [&](auto tag, const Taps& rows, const float* from, float* to)
                        HWY_ATTR { forward_four<2>(tag, conv, rows, from, weight, to, add, c); });
      else
        forward_row(d, conv, p, x, weight, y, add, c, is_three && conv.stride_w == 1,
                    [&](auto tag, const Taps& rows, const float* from, float* to)
                        HWY_ATTR { forward_four<1>(tag, conv, rows, from, weight, to, add, c); });
    });
}

void backward_data(const Convolution& conv, const float* dy, const float* weight, float* dx,
                   bool add) {
  constexpr int64_t most_taps = 64;
  GatherTap taps[most_taps];
  const int64_t reach =
      ((conv.kernel_h - 1) / conv.stride_h + 1) * ((conv.kernel_w - 1) / conv.stride_w + 1);
  for (int64_t h = 0; h < conv.in_h; ++h)
    for (int64_t w = 0; w < conv.in_w; ++w, dx += conv.in_c) {
      if (reach > most_taps) {  // a window too large for the list: scan it for every vector
        for_channels(conv.in_c, [&](auto d, int64_t c) HWY_ATTR {
          auto sum = add ? hn::LoadU(d, dx + c) : hn::Zero(d);
          for (int64_t p = 0; p < conv.out_h; ++p)
            for (int64_t q = 0; q < conv.out_w; ++q) {
              const int64_t r = h + conv.pad_top - p * conv.stride_h,
                            s = w + conv.pad_left - q * conv.stride_w;
              if (r < 0 || r >= conv.kernel_h || s < 0 || s >= conv.kernel_w) continue;
              sum = hn::MulAdd(hn::LoadU(d, dy + (p * conv.out_w + q) * conv.in_c + c),
                               hn::LoadU(d, weight + (r * conv.kernel_w + s) * conv.in_c + c), sum);
            }
          hn::StoreU(sum, d, dx + c);
        });
        continue;
      }
      const int64_t count = gather_taps(conv, h, w, taps);
      for_channels(conv.in_c, [&](auto d, int64_t c) HWY_ATTR {
        auto sum = add ? hn::LoadU(d, dx + c) : hn::Zero(d);
        for (int64_t t = 0; t < count; ++t)
          sum = hn::MulAdd(hn::LoadU(d, dy + taps[t].dy + c),
                           hn::LoadU(d, weight + taps[t].weight + c), sum);
        hn::StoreU(sum, d, dx + c);
      });
    }
}

void backward_weights(const Convolution& conv, const float* x, const float* dy, float* dweight) {
  const int64_t channels = conv.in_c, step = conv.stride_w * channels;
  for (int64_t p = 0; p < conv.out_h; ++p) {
    const int64_t h0 = p * conv.stride_h - conv.pad_top;
    const Taps rows(h0, conv.kernel_h, conv.in_h);
    const float* const dy_row = dy + p * conv.out_w * channels;
    for (int64_t r = rows.begin; r < rows.end; ++r)
      for (int64_t s = 0; s < conv.kernel_w; ++s) {
        const Columns columns(conv, s, s);
        const float* const x_row = x + ((h0 + r) * conv.in_w - conv.pad_left + s) * channels;
        float* const to = dweight + (r * conv.kernel_w + s) * channels;
        for_channels(channels, [&](auto d, int64_t c) HWY_ATTR {
          auto even = hn::Zero(d),
               odd = hn::Zero(d);  // two chains hide the latency of a multiply-add
          int64_t q = columns.begin;
          for (; q + 2 <= columns.end; q += 2) {
            even = hn::MulAdd(hn::LoadU(d, x_row + q * step + c),
                              hn::LoadU(d, dy_row + q * channels + c), even);
            odd = hn::MulAdd(hn::LoadU(d, x_row + (q + 1) * step + c),
                             hn::LoadU(d, dy_row + (q + 1) * channels + c), odd);
          }
          if (q < columns.end)
            even = hn::MulAdd(hn::LoadU(d, x_row + q * step + c),
                              hn::LoadU(d, dy_row + q * channels + c), even);
          hn::StoreU(hn::Add(hn::LoadU(d, to + c), hn::Add(even, odd)), d, to + c);
        });
      }
  }
}

}  // namespace quantdyn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace quantdyn {

HWY_EXPORT(forward);
HWY_EXPORT(backward_data);
HWY_EXPORT(backward_weights);

void depthwise_forward(const Convolution& conv, const float* x, const float* weight, float* y,
                       bool add) {
  HWY_DYNAMIC_DISPATCH(forward)(conv, x, weight, y, add);
}
void depthwise_backward_data(const Convolution& conv, const float* dy, const float* weight,
                             float* dx, bool add) {
  HWY_DYNAMIC_DISPATCH(backward_data)(conv, dy, weight, dx, add);
}
void depthwise_backward_weights(const Convolution& conv, const float* x, const float* dy,
                                float* dweight) {
  HWY_DYNAMIC_DISPATCH(backward_weights)(conv, x, dy, dweight);
}

}  // namespace quantdyn
#endif
