#include <algorithm>

#include "layers/fused/convolution_kernel.h"
#include "layers/fused/depthwise_kernels.h"
#include "layers/fused/image_window.h"

namespace quantdyn {
namespace {

/// All channels at once: the window treats them as one group.
Convolution without_groups(Convolution conv) {
  conv.groups = 1;
  return conv;
}

class DepthwiseConvolution final : public ConvolutionKernel {
 public:
  explicit DepthwiseConvolution(const Convolution& convolution)
      : ConvolutionKernel(convolution),
        window_(output_window(without_groups(conv))),
        phases_(gradient_phases(without_groups(conv))) {
    for (const GradientPhase& phase : phases_)
      phase_weights_.emplace_back(
          static_cast<size_t>(phase.window.taps_h * phase.window.taps_w * conv.in_c));
  }

  void prepare_forward(const float* weight) override { weight_ = weight; }
  bool prepare_forward_rows(const float*, int64_t, int64_t) override { return true; }

  void forward(ImageSource x, int64_t images, float* y, const ChannelMap* map, float* scratch,
               const RowsDone& done) const override {
    const int64_t band = window_.band(band_floats);
    for (int64_t i = 0; i < images; ++i)
      for (int64_t line = 0; line < conv.out_h; line += band) {
        const int64_t lines = std::min(band, conv.out_h - line);
        const int64_t first = (i * conv.out_h + line) * conv.out_w;
        depthwise_sums(window_, read(x.from(i * x_floats()), line, lines, scratch), line, lines,
                       weight_, {y + first * conv.out_c, window_.to_line, window_.to_row, map},
                       Accumulate::no);
        done(first, lines * conv.out_w);
      }
  }

  void prepare_backward(const float* weight) override {
    for (size_t i = 0; i < phases_.size(); ++i) {
      float* to = phase_weights_[i].data();
      for (int64_t r : phases_[i].filter_rows)
        for (int64_t s : phases_[i].filter_columns)
          to = std::copy_n(weight + (r * conv.kernel_w + s) * conv.in_c, conv.in_c, to);
    }
  }

  void backward_data(const float* dy, int64_t images, float* dx, Accumulate accumulate,
                     float*) const override {
    for (int64_t i = 0; i < images; ++i)
      for (size_t p = 0; p < phases_.size(); ++p) {
        const GradientPhase& phase = phases_[p];
        const ImageWindow& window = phase.window;
        float* const to =
            dx + i * x_floats() + (phase.first_h * conv.in_w + phase.first_w) * conv.in_c;
        depthwise_sums(window, {dy + i * y_floats()}, 0, window.out_h, phase_weights_[p].data(),
                       {to, window.to_line, window.to_row}, accumulate);
      }
  }

  void backward_weights(ImageSource x, const float* dy, int64_t images, float* dweight,
                        float* scratch) const override {
    const int64_t band = window_.band(band_floats);
    for (int64_t i = 0; i < images; ++i)
      for (int64_t line = 0; line < conv.out_h; line += band) {
        const int64_t lines = std::min(band, conv.out_h - line);
        depthwise_weight_gradient(window_, read(x.from(i * x_floats()), line, lines, scratch), line,
                                  lines, dy + i * y_floats() + line * window_.to_line, dweight);
      }
  }

  bool sums_by_image() const override { return true; }
  bool takes_transforms() const override { return true; }
  int64_t scratch_floats() const override {  // for mapped rows
    const int64_t lines = window_.band(band_floats);
    return std::min(conv.in_h, (lines - 1) * conv.stride_h + conv.kernel_h) * conv.in_w * conv.in_c;
  }

 private:
  /// The image rows that lines [line, line + lines) reach, mapped or transformed as x says.
  ImageRows read(ImageSource x, int64_t line, int64_t lines, float* scratch) const {
    if (x.is_as_stored()) return {x.data};
    const auto [first, end] = window_.image_rows(line, lines);
    x.load(first * conv.in_w * conv.in_c, conv.in_c, (end - first) * conv.in_w, conv.in_c, 0,
           scratch);
    return {scratch, first};
  }
  int64_t x_floats() const { return conv.in_h * conv.in_w * conv.in_c; }
  int64_t y_floats() const { return conv.out_h * conv.out_w * conv.out_c; }

  const ImageWindow window_;
  const std::vector<GradientPhase> phases_;
  std::vector<std::vector<float>> phase_weights_;  // [taps, C] by phase
  const float* weight_ = nullptr;
};

}  // namespace

std::unique_ptr<ConvolutionKernel> make_depthwise_convolution(const Convolution& convolution) {
  return std::make_unique<DepthwiseConvolution>(convolution);
}

}  // namespace quantdyn
