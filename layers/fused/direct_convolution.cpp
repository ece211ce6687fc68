#include <algorithm>

#include "layers/fused/convolution_kernel.h"
#include "layers/fused/image_window.h"
#include "layers/fused/products.h"
#include "layers/fused/rows.h"

namespace quantdyn {
namespace {

constexpr int64_t band_floats = 24 * 1024;  // of the image at a time, beside the weights in L2
constexpr int64_t rows_at_once = 128;       // of a plain product; and pixels of a weight gradient

/// Input pixels first + i stride, and the taps of the filter that reach them.
struct Phase {
  int64_t first_h, first_w;
  std::vector<int64_t> filter_rows, filter_columns;  // falling, as the window on dy rises
  ImageWindow window;
  std::vector<float> weight;  // by group [taps * K / groups, C / groups], packed
};

/// to [rows, columns] (+)= from [rows, depth] times a packed weight.
void multiply_rows(const ImageSource& from, int64_t rows, int64_t depth, const float* weight,
                   int64_t columns, float* to, Accumulate accumulate, float* scratch,
                   const ConvolutionKernel::RowsDone& done) {
  for (int64_t row = 0; row < rows; row += rows_at_once) {
    const int64_t count = std::min(rows_at_once, rows - row);
    const float* left = from.data + row * depth;
    if (from.map) {
      apply_map(*from.map, 0, left, depth, count, depth, scratch);
      left = scratch;
    }
    multiply({1, count, columns, 1, depth}, {left, 0, depth, 0, 1}, {weight, 0},
             {to + row * columns, 0, columns}, accumulate);
    done(row, count);
  }
}

/// Any kernel, stride, padding and number of groups.
class DirectConvolution final : public ConvolutionKernel {
 public:
  explicit DirectConvolution(const Convolution& convolution)
      : ConvolutionKernel(convolution),
        is_plain_(conv.is_pointwise() && conv.stride_h == 1 && conv.stride_w == 1),
        window_(own_window()),
        forward_weight_(static_cast<size_t>(conv.fan_in() * conv.out_c)) {
    for (int64_t a = 0; a < std::min(conv.stride_h, conv.in_h); ++a)
      for (int64_t b = 0; b < std::min(conv.stride_w, conv.in_w); ++b)
        phases_.push_back(make_phase(a, b));
    if (!is_plain_) unpacked_.resize(forward_weight_.size() / conv.groups);
  }

  void prepare_forward(const float* weight) override {
    for (int64_t g = 0; g < conv.groups; ++g)
      pack_columns({weight + g * out_group(), conv.out_c, 1}, conv.fan_in(), out_group(),
                   forward_weight_.data() + g * conv.fan_in() * out_group());
  }

  void forward(ImageSource x, int64_t images, float* y, float* scratch,
               const RowsDone& done) const override {
    const int64_t pixels = conv.out_h * conv.out_w, band = window_.band(band_floats);
    if (is_plain_)
      return multiply_rows(x, images * pixels, conv.in_c, forward_weight_.data(), conv.out_c, y,
                           Accumulate::no, scratch, done);
    for (int64_t i = 0; i < images; ++i)
      for (int64_t line = 0; line < conv.out_h; line += band) {
        const int64_t lines = std::min(band, conv.out_h - line);
        const int64_t first = i * pixels + line * conv.out_w;
        for (int64_t g = 0; g < conv.groups; ++g)
          correlate(window_, x.from(i * x_floats()), g, line, lines, forward_weight_, out_group(),
                    y + first * conv.out_c, Accumulate::no, scratch);
        done(first, lines * conv.out_w);
      }
  }

  void prepare_backward(const float* weight) override {
    for (Phase& phase : phases_)
      for (int64_t g = 0; g < conv.groups; ++g)
        pack_phase(phase, weight + g * out_group(),
                   phase.weight.data() + g * phase.window.depth() * in_group());
  }

  void backward_data(const float* dy, int64_t images, float* dx, Accumulate accumulate,
                     float* scratch) const override {
    if (is_plain_)
      return multiply_rows({dy}, images * conv.out_h * conv.out_w, conv.out_c,
                           phases_[0].weight.data(), conv.in_c, dx, accumulate, scratch,
                           [](int64_t, int64_t) {});
    for (int64_t i = 0; i < images; ++i)
      for (const Phase& phase : phases_)
        run_phase(phase, dy + i * y_floats(), dx + i * x_floats(), accumulate, scratch);
  }

  void backward_weights(ImageSource x, const float* dy, int64_t images, float* dweight,
                        float* scratch) const override {
    if (is_plain_) return backward_weight_rows(x, dy, images, 0, conv.in_c, dweight, scratch);
    for (int64_t i = 0; i < images; ++i)
      sum_image(x.from(i * x_floats()), dy + i * y_floats(), dweight, scratch);
  }

  int64_t separable_weight_rows() const override { return is_plain_ ? conv.in_c : 0; }

  void backward_weight_rows(ImageSource x, const float* dy, int64_t images, int64_t first,
                            int64_t rows, float* dweight, float* scratch) const override {
    const int64_t pixels = images * conv.out_h * conv.out_w;
    for (int64_t at = 0; at < pixels; at += rows_at_once) {
      const int64_t count = std::min(rows_at_once, pixels - at);
      const float* left = x.data + at * conv.in_c + first;
      if (x.map) apply_map(*x.map, first, left, conv.in_c, count, rows, scratch);
      multiply({1, rows, conv.out_c, 1, count},
               {x.map ? scratch : left, 0, 1, 0, x.map ? rows : conv.in_c},
               {dy + at * conv.out_c, conv.out_c}, {dweight + first * conv.out_c, 0, conv.out_c},
               Accumulate::yes);
    }
  }

  int64_t scratch_floats() const override {
    if (is_plain_) return rows_at_once * conv.in_c;  // for a map
    int64_t most = std::max(window_.scratch_floats(window_.band(band_floats)),
                            window_.scratch_floats(gradient_band()));
    for (const Phase& phase : phases_)
      if (phase.window.depth() > 0)
        most = std::max(most, phase.window.scratch_floats(phase.window.band(band_floats)));
    return most;
  }

 private:
  int64_t in_group() const { return conv.in_c / conv.groups; }
  int64_t out_group() const { return conv.out_c / conv.groups; }
  int64_t x_floats() const { return conv.in_h * conv.in_w * conv.in_c; }
  int64_t y_floats() const { return conv.out_h * conv.out_w * conv.out_c; }
  int64_t gradient_band() const {
    return std::clamp<int64_t>(rows_at_once / conv.out_w, 1, conv.out_h);
  }

  ImageWindow own_window() const {
    ImageWindow window{};
    window.h = conv.in_h, window.w = conv.in_w, window.channels = conv.in_c;
    window.group_channels = in_group();
    window.taps_h = conv.kernel_h, window.taps_w = conv.kernel_w;
    window.first_h = -conv.pad_top, window.first_w = -conv.pad_left;
    window.stride_h = conv.stride_h, window.stride_w = conv.stride_w;
    window.out_h = conv.out_h, window.out_w = conv.out_w;
    window.to_line = conv.out_w * conv.out_c, window.to_row = conv.out_c;
    return window;
  }

  /// Filter row r reaches input row first + i stride from output row i + (first + pad - r) / stride
  /// where that divides; columns likewise.
  Phase make_phase(int64_t a, int64_t b) const {
    Phase phase{a, b, {}, {}, {}, {}};
    for (int64_t r = conv.kernel_h; r-- > 0;)
      if ((a + conv.pad_top - r) % conv.stride_h == 0) phase.filter_rows.push_back(r);
    for (int64_t s = conv.kernel_w; s-- > 0;)
      if ((b + conv.pad_left - s) % conv.stride_w == 0) phase.filter_columns.push_back(s);
    ImageWindow& window = phase.window;
    window.h = conv.out_h, window.w = conv.out_w, window.channels = conv.out_c;
    window.group_channels = out_group();
    window.taps_h = static_cast<int64_t>(phase.filter_rows.size());
    window.taps_w = static_cast<int64_t>(phase.filter_columns.size());
    if (window.depth() > 0) {
      window.first_h = (a + conv.pad_top - phase.filter_rows[0]) / conv.stride_h;
      window.first_w = (b + conv.pad_left - phase.filter_columns[0]) / conv.stride_w;
    }
    window.stride_h = window.stride_w = 1;
    window.out_h = (conv.in_h - a + conv.stride_h - 1) / conv.stride_h;
    window.out_w = (conv.in_w - b + conv.stride_w - 1) / conv.stride_w;
    window.to_line = conv.stride_h * conv.in_w * conv.in_c;
    window.to_row = conv.stride_w * conv.in_c;
    phase.weight.resize(static_cast<size_t>(window.depth() * conv.in_c));
    return phase;
  }

  /// The weights of a phase's taps, one group: [taps, K, C] from [kh, kw, C, K].
  void pack_phase(const Phase& phase, const float* weight, float* to) {
    if (is_plain_) return pack_columns({weight, 1, conv.out_c}, conv.out_c, conv.in_c, to);
    float* at = unpacked_.data();
    for (int64_t r : phase.filter_rows)
      for (int64_t s : phase.filter_columns) {
        const float* const tap = weight + (r * conv.kernel_w + s) * in_group() * conv.out_c;
        for (int64_t k = 0; k < out_group(); ++k)
          for (int64_t c = 0; c < in_group(); ++c) *at++ = tap[c * conv.out_c + k];
      }
    pack_columns({unpacked_.data(), in_group(), 1}, phase.window.depth(), in_group(), to);
  }

  /// Output lines [line, line + lines) of one image and group; `to` is where group 0's first goes.
  static void correlate(const ImageWindow& window, ImageSource image, int64_t group, int64_t line,
                        int64_t lines, const std::vector<float>& weight, int64_t columns, float* to,
                        Accumulate accumulate, float* scratch) {
    multiply(
        {lines, window.out_w, columns, window.taps_h, window.taps_w * window.group_channels},
        window.read(image.data, image.map, group * window.group_channels, line, lines, scratch),
        {weight.data() + group * window.depth() * columns, 0},
        {to + group * columns, window.to_line, window.to_row}, accumulate);
  }

  void run_phase(const Phase& phase, const float* dy, float* dx, Accumulate accumulate,
                 float* scratch) const {
    const ImageWindow& window = phase.window;
    float* const to = dx + (phase.first_h * conv.in_w + phase.first_w) * conv.in_c;
    if (window.depth() == 0) {  // no tap reaches these pixels
      if (accumulate == Accumulate::yes) return;
      for (int64_t i = 0; i < window.out_h; ++i)
        for (int64_t j = 0; j < window.out_w; ++j)
          std::fill_n(to + i * window.to_line + j * window.to_row, conv.in_c, 0.0f);
      return;
    }
    const int64_t band = window.band(band_floats);
    for (int64_t line = 0; line < window.out_h; line += band)
      for (int64_t g = 0; g < conv.groups; ++g)
        correlate(window, {dy}, g, line, std::min(band, window.out_h - line), phase.weight,
                  in_group(), to + line * window.to_line, accumulate, scratch);
  }

  /// The window turned round: its taps are the rows of the product, its outputs are summed over.
  void sum_image(ImageSource x, const float* dy, float* dweight, float* scratch) const {
    const int64_t band = gradient_band(), taps = conv.kernel_w * in_group();
    for (int64_t line = 0; line < conv.out_h; line += band)
      for (int64_t g = 0; g < conv.groups; ++g) {
        const int64_t lines = std::min(band, conv.out_h - line);
        const LeftFactor at = window_.read(x.data, x.map, g * in_group(), line, lines, scratch);
        multiply({conv.kernel_h, taps, out_group(), lines, conv.out_w},
                 {at.data, at.segment, 1, at.line, at.row},
                 {dy + line * conv.out_w * conv.out_c + g * out_group(), conv.out_c},
                 {dweight + g * out_group(), taps * conv.out_c, conv.out_c}, Accumulate::yes);
      }
  }

  const bool is_plain_;
  const ImageWindow window_;
  std::vector<Phase> phases_;
  std::vector<float> forward_weight_;  // by group, packed
  std::vector<float> unpacked_;        // of one phase and group
};

}  // namespace

std::unique_ptr<ConvolutionKernel> make_direct_convolution(const Convolution& convolution) {
  return std::make_unique<DirectConvolution>(convolution);
}

}  // namespace quantdyn
