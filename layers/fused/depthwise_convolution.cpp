#include <algorithm>

#include "layers/fused/convolution_kernel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "layers/fused/depthwise_convolution.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace quantdyn::HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

/// Calls body(tag, channel) for whole vectors, then for single channels.
template <typename Body>
HWY_INLINE void for_channels(int64_t channels, const Body& body) {
  const hn::ScalableTag<float> wide;
  const hn::CappedTag<float, 1> narrow;
  const auto lanes = static_cast<int64_t>(hn::Lanes(wide));
  int64_t c = 0;
  for (; c + lanes <= channels; c += lanes) body(wide, c);
  for (; c < channels; ++c) body(narrow, c);
}

/// The taps [begin, end) of a window that fall on [0, size) when it starts at `start`.
struct Taps {
  int64_t begin, end;
  Taps(int64_t start, int64_t kernel, int64_t size)
      : begin(std::clamp<int64_t>(-start, 0, kernel)), end(std::clamp<int64_t>(size - start, begin, kernel)) {}
};

/// Output columns [begin, end) for which tap s reads inside a row of `in_w` pixels.
struct Columns {
  int64_t begin, end;
  Columns(const Convolution& conv, int64_t s) {
    const int64_t shift = conv.pad_left - s;  // input column = q stride - shift
    begin = shift > 0 ? (shift + conv.stride_w - 1) / conv.stride_w : 0;
    const int64_t last = conv.in_w - 1 + shift;
    end = last < 0 ? 0 : std::min(conv.out_w, last / conv.stride_w + 1);
    begin = std::min(begin, end);
  }
};

void forward_image(const Convolution& conv, const float* x, const float* weight, float* y) {
  const int64_t channels = conv.in_c;
  for (int64_t p = 0; p < conv.out_h; ++p) {
    const int64_t h0 = p * conv.stride_h - conv.pad_top;
    const Taps rows(h0, conv.kernel_h, conv.in_h);
    for (int64_t q = 0; q < conv.out_w; ++q, y += channels) {
      const int64_t w0 = q * conv.stride_w - conv.pad_left;
      const Taps columns(w0, conv.kernel_w, conv.in_w);
      for_channels(channels, [&](auto d, int64_t c) HWY_ATTR {
        auto sum = hn::Zero(d);
        for (int64_t r = rows.begin; r < rows.end; ++r)
          for (int64_t s = columns.begin; s < columns.end; ++s)
            sum = hn::MulAdd(hn::LoadU(d, x + ((h0 + r) * conv.in_w + w0 + s) * channels + c),
                             hn::LoadU(d, weight + (r * conv.kernel_w + s) * channels + c), sum);
        hn::StoreU(sum, d, y + c);
      });
    }
  }
}

/// The gradient of one input pixel gathers from all output pixels whose window holds it.
void backward_data_image(const Convolution& conv, const float* dy, const float* weight, float* dx, bool add) {
  const int64_t channels = conv.in_c;
  for (int64_t h = 0; h < conv.in_h; ++h)
    for (int64_t w = 0; w < conv.in_w; ++w, dx += channels)
      for_channels(channels, [&](auto d, int64_t c) HWY_ATTR {
        auto sum = add ? hn::LoadU(d, dx + c) : hn::Zero(d);
        for (int64_t r = (h + conv.pad_top) % conv.stride_h; r < conv.kernel_h; r += conv.stride_h) {
          const int64_t p = (h + conv.pad_top - r) / conv.stride_h;
          if (h + conv.pad_top < r || p >= conv.out_h) continue;
          for (int64_t s = (w + conv.pad_left) % conv.stride_w; s < conv.kernel_w; s += conv.stride_w) {
            const int64_t q = (w + conv.pad_left - s) / conv.stride_w;
            if (w + conv.pad_left < s || q >= conv.out_w) continue;
            sum = hn::MulAdd(hn::LoadU(d, dy + (p * conv.out_w + q) * channels + c),
                             hn::LoadU(d, weight + (r * conv.kernel_w + s) * channels + c), sum);
          }
        }
        hn::StoreU(sum, d, dx + c);
      });
}

/// Sums along one output row stay in registers; rows are added in order.
void backward_weights_image(const Convolution& conv, const float* x, const float* dy, float* dweight) {
  const int64_t channels = conv.in_c;
  for (int64_t p = 0; p < conv.out_h; ++p) {
    const int64_t h0 = p * conv.stride_h - conv.pad_top;
    const Taps rows(h0, conv.kernel_h, conv.in_h);
    for (int64_t r = rows.begin; r < rows.end; ++r)
      for (int64_t s = 0; s < conv.kernel_w; ++s) {
        const Columns columns(conv, s);
        const float* const x_row = x + ((h0 + r) * conv.in_w - conv.pad_left + s) * channels;
        const float* const dy_row = dy + p * conv.out_w * channels;
        float* const to = dweight + (r * conv.kernel_w + s) * channels;
        for_channels(channels, [&](auto d, int64_t c) HWY_ATTR {
          auto sum = hn::Zero(d);
          for (int64_t q = columns.begin; q < columns.end; ++q)
            sum = hn::MulAdd(hn::LoadU(d, x_row + q * conv.stride_w * channels + c),
                             hn::LoadU(d, dy_row + q * channels + c), sum);
          hn::StoreU(hn::Add(hn::LoadU(d, to + c), sum), d, to + c);
        });
      }
  }
}

}  // namespace

void depthwise_forward(const Convolution& conv, const float* x, const float* weight, float* y) {
  forward_image(conv, x, weight, y);
}
void depthwise_backward_data(const Convolution& conv, const float* dy, const float* weight, float* dx, bool add) {
  backward_data_image(conv, dy, weight, dx, add);
}
void depthwise_backward_weights(const Convolution& conv, const float* x, const float* dy, float* dweight) {
  backward_weights_image(conv, x, dy, dweight);
}

}  // namespace quantdyn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace quantdyn {

HWY_EXPORT(depthwise_forward);
HWY_EXPORT(depthwise_backward_data);
HWY_EXPORT(depthwise_backward_weights);

namespace {

class DepthwiseConvolution final : public ConvolutionKernel {
 public:
  using ConvolutionKernel::ConvolutionKernel;

  void forward(const float* x, int64_t images, const float* weight, float* y, float*, const RowsDone& done) const override {
    for (int64_t i = 0; i < images; ++i) {
      HWY_DYNAMIC_DISPATCH(depthwise_forward)(conv, x + i * x_floats(), weight, y + i * y_floats());
      done(i * conv.out_h * conv.out_w, conv.out_h * conv.out_w);
    }
  }
  void prepare_backward(const float* weight) override { weight_ = weight; }
  void backward_data(const float* dy, int64_t images, float* dx, Accumulate accumulate, float*) const override {
    for (int64_t i = 0; i < images; ++i)
      HWY_DYNAMIC_DISPATCH(depthwise_backward_data)
      (conv, dy + i * y_floats(), weight_, dx + i * x_floats(), accumulate == Accumulate::yes);
  }
  void backward_weights(const float* x, const float* dy, int64_t images, float* dweight, float*) const override {
    for (int64_t i = 0; i < images; ++i)
      HWY_DYNAMIC_DISPATCH(depthwise_backward_weights)(conv, x + i * x_floats(), dy + i * y_floats(), dweight);
  }
  int64_t scratch_floats() const override { return 0; }

 private:
  int64_t x_floats() const { return conv.in_h * conv.in_w * conv.in_c; }
  int64_t y_floats() const { return conv.out_h * conv.out_w * conv.out_c; }
  const float* weight_ = nullptr;
};

}  // namespace

std::unique_ptr<ConvolutionKernel> make_depthwise_convolution(const Convolution& convolution) {
  return std::make_unique<DepthwiseConvolution>(convolution);
}

}  // namespace quantdyn
#endif
