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
      // Those of a phase without taps are not read, but have a place.
      phase_weights_.emplace_back(static_cast<size_t>(
          std::max<int64_t>(1, phase.window.taps_h * phase.window.taps_w) * conv.in_c));
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
        const ImageRows rows = read(x.from(i * x_floats()), line, lines, scratch);
        FetchAhead ahead(weight_);
        fetch_input(ahead.first, x, i, line + lines, band, images, conv.stride_h * conv.stride_w);
        const int64_t next = first + lines * conv.out_w;
        FetchAhead::set(ahead.second, y + next * conv.out_c,
                        std::min(images * y_floats() - next * conv.out_c, band * y_line()));
        depthwise_sums(window_, rows, line, lines, weight_,
                       {y + first * conv.out_c, window_.to_line, window_.to_row, map},
                       Accumulate::no, &ahead);
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
      for (size_t p = 0; p < phases_.size(); ++p)
        sum_phase(p, dy + i * y_floats(), 0, phases_[p].window.out_h, dx + i * x_floats(),
                  accumulate, nullptr);
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

  void backward(ImageSource x, const GradientRows& dy, int64_t images, float* dweight, float* dx,
                Accumulate accumulate, float* scratch) const override {
    const int64_t band = window_.band(band_floats), to_come = dy.rows_to_come / conv.out_w;
    for (int64_t i = 0; i < images; ++i)
      for (int64_t line = 0; line < conv.out_h; line += band) {
        const int64_t end = std::min(conv.out_h, line + band);
        const float* const dy_line =
            weight_gradient(x, dy, i, line, end, dweight, scratch) - line * y_line();
        if (dx == nullptr) continue;
        FetchAhead ahead(dy_line);
        fetch_input(ahead.first, x, i, end, band, to_come / conv.out_h, 1);
        fetch_input(ahead.second, {dx}, i, end, band, to_come / conv.out_h, 1);
        for (size_t p = 0; p < phases_.size(); ++p)
          sum_phase(p, dy_line, complete_lines(p, line), complete_lines(p, end),
                    dx + i * x_floats(), accumulate, &ahead);
      }
  }

  bool sums_by_image() const override { return true; }
  bool takes_transforms() const override { return true; }
  int64_t scratch_floats() const override {  // for mapped rows
    const int64_t lines = window_.band(band_floats);
    return std::min(conv.in_h, (lines - 1) * conv.stride_h + conv.kernel_h) * conv.in_w * conv.in_c;
  }

 private:
  /// Lines [first, end) of a phase of an image's gradient.
  void sum_phase(size_t p, const float* dy, int64_t first, int64_t end, float* dx,
                 Accumulate accumulate, FetchAhead* ahead) const {
    const GradientPhase& phase = phases_[p];
    const ImageWindow& window = phase.window;
    float* const to = dx + (phase.first_h * conv.in_w + phase.first_w) * conv.in_c;
    depthwise_sums(window, {dy}, first, end - first, phase_weights_[p].data(),
                   {to + first * window.to_line, window.to_line, window.to_row}, accumulate, ahead);
  }

  /// How many lines of a phase read only the first `lines` lines of dy.
  int64_t complete_lines(size_t p, int64_t lines) const {
    const ImageWindow& window = phases_[p].window;
    if (lines == 0) return 0;
    if (lines == conv.out_h) return window.out_h;
    return std::clamp<int64_t>(lines - window.first_h - window.taps_h + 1, 0, window.out_h);
  }

  /// Adds what lines [line, end) of image i give to the gradient of the weights, a few lines at a
  /// time, which are in L1 then. Returns where dy of the first of them is.
  const float* weight_gradient(ImageSource x, const GradientRows& dy, int64_t i, int64_t line,
                               int64_t end, float* dweight, float* scratch) const {
    const ImageRows rows = read(x.from(i * x_floats()), line, end - line, scratch);
    const int64_t few = std::max<int64_t>(1, cached_floats / y_line());
    const float* first = nullptr;
    for (int64_t l = line; l < end; l += few) {
      const int64_t lines = std::min(few, end - l), row = (i * conv.out_h + l) * conv.out_w,
                    next = row + lines * conv.out_w;
      const float* const own = dy.make(row, lines * conv.out_w, l * conv.out_w);
      if (first == nullptr) first = own;
      const int64_t coming = std::min(few * conv.out_w, dy.rows_to_come - next) * conv.out_c;
      FetchAhead ahead(own);
      if (dy.made_of[0]) FetchAhead::set(ahead.first, dy.made_of[0] + next * conv.out_c, coming);
      if (dy.made_of[1]) FetchAhead::set(ahead.second, dy.made_of[1] + next * conv.out_c, coming);
      depthwise_weight_gradient(window_, rows, l, lines, own, dweight, &ahead);
    }
    return first;
  }

  /// What `lines` lines of outputs of image i read, from `line` on: of this or the next image.
  void fetch_input(FetchAhead::Stream& stream, ImageSource x, int64_t i, int64_t line,
                   int64_t lines, int64_t images, int64_t pace) const {
    const int64_t x_line = conv.in_w * conv.in_c;
    const int64_t from = i * x_floats() + std::min(conv.in_h, line * conv.stride_h) * x_line;
    FetchAhead::set(stream, x.data + from,
                    std::min(images * x_floats() - from, lines * conv.stride_h * x_line), pace);
  }

  /// The image rows that lines [line, line + lines) reach, mapped or transformed as x says.
  ImageRows read(ImageSource x, int64_t line, int64_t lines, float* scratch) const {
    if (x.is_as_stored()) return {x.data};
    const auto [first, end] = window_.image_rows(line, lines);
    x.load(first * conv.in_w * conv.in_c, conv.in_c, (end - first) * conv.in_w, conv.in_c, 0,
           scratch);
    return {scratch, first};
  }
  int64_t x_floats() const { return conv.in_h * conv.in_w * conv.in_c; }
  int64_t y_line() const { return conv.out_w * conv.out_c; }
  int64_t y_floats() const { return conv.out_h * conv.out_w * conv.out_c; }

  static constexpr int64_t cached_floats = 4 * 1024;  // of a few lines of dy

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
