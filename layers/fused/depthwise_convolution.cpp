#include <algorithm>

#include "layers/fused/convolution_kernel.h"
#include "layers/fused/depthwise_kernels.h"
#include "layers/fused/rows.h"

namespace quantdyn {
namespace {

/// The convolution that turns dy into dx where the stride is 1: in and out change places, and the
/// padding is what the kernel overlaps.
Convolution flipped(const Convolution& c) {
  Convolution out = c;
  std::swap(out.in_h, out.out_h);
  std::swap(out.in_w, out.out_w);
  out.pad_top = c.kernel_h - 1 - c.pad_top;
  out.pad_left = c.kernel_w - 1 - c.pad_left;
  return out;
}

class DepthwiseConvolution final : public ConvolutionKernel {
 public:
  explicit DepthwiseConvolution(const Convolution& convolution)
      : ConvolutionKernel(convolution),
        is_flipped_(conv.stride_h == 1 && conv.stride_w == 1 && conv.pad_top < conv.kernel_h &&
                    conv.pad_left < conv.kernel_w),
        flipped_(flipped(conv)),
        backward_weight_(static_cast<size_t>(conv.kernel_h * conv.kernel_w * conv.in_c)) {}

  void prepare_forward(const float* weight) override { weight_ = weight; }

  void forward(ImageSource x, int64_t images, float* y, float* scratch,
               const RowsDone& done) const override {
    for (int64_t i = 0; i < images; ++i) {
      depthwise_forward(conv, read(x, i, scratch), weight_, y + i * y_floats(), false);
      done(i * conv.out_h * conv.out_w, conv.out_h * conv.out_w);
    }
  }

  void prepare_backward(const float* weight) override {
    const int64_t taps = conv.kernel_h * conv.kernel_w;
    for (int64_t tap = 0; tap < taps; ++tap)
      std::copy_n(weight + tap * conv.in_c, conv.in_c,
                  backward_weight_.data() + (is_flipped_ ? taps - 1 - tap : tap) * conv.in_c);
  }

  void backward_data(const float* dy, int64_t images, float* dx, Accumulate accumulate,
                     float*) const override {
    const bool add = accumulate == Accumulate::yes;
    for (int64_t i = 0; i < images; ++i) {
      const float* const from = dy + i * y_floats();
      float* const to = dx + i * x_floats();
      if (is_flipped_)
        depthwise_forward(flipped_, from, backward_weight_.data(), to, add);
      else
        depthwise_backward_data(conv, from, backward_weight_.data(), to, add);
    }
  }

  void backward_weights(ImageSource x, const float* dy, int64_t images, float* dweight,
                        float* scratch) const override {
    for (int64_t i = 0; i < images; ++i)
      depthwise_backward_weights(conv, read(x, i, scratch), dy + i * y_floats(), dweight);
  }

  int64_t scratch_floats() const override { return x_floats(); }  // for a map

 private:
  const float* read(ImageSource x, int64_t image, float* scratch) const {
    const float* const at = x.data + image * x_floats();
    if (!x.map) return at;
    apply_map(*x.map, 0, at, conv.in_c, conv.in_h * conv.in_w, conv.in_c, scratch);
    return scratch;
  }
  int64_t x_floats() const { return conv.in_h * conv.in_w * conv.in_c; }
  int64_t y_floats() const { return conv.out_h * conv.out_w * conv.out_c; }

  const bool is_flipped_;
  const Convolution flipped_;
  const float* weight_ = nullptr;
  std::vector<float> backward_weight_;
};

}  // namespace

std::unique_ptr<ConvolutionKernel> make_depthwise_convolution(const Convolution& convolution) {
  return std::make_unique<DepthwiseConvolution>(convolution);
}

}  // namespace quantdyn
