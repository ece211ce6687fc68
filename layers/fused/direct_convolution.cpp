#include <algorithm>

#include "layers/fused/convolution_kernel.h"
#include "layers/fused/image_window.h"
#include "layers/fused/products.h"

namespace quantdyn {
namespace {

constexpr int64_t rows_at_once = 128;  // of a plain product; also pixels of a weight gradient

/// to [rows, columns] (+)= from [rows, depth] times a packed weight.
void multiply_rows(const ImageSource& from, int64_t rows, int64_t depth, const float* weight,
                   int64_t columns, float* to, const ChannelMap* map, Accumulate accumulate,
                   float* scratch, const ConvolutionKernel::RowsDone& done) {
  for (int64_t row = 0; row < rows; row += rows_at_once) {
    const int64_t count = std::min(rows_at_once, rows - row);
    const float* left = from.data + row * depth;
    if (!from.is_as_stored()) {
      from.load(row * depth, depth, count, depth, 0, scratch);
      left = scratch;
    }
    FetchAhead ahead(left);
    const int64_t next = row + count, coming = std::min(rows_at_once, rows - next);
    FetchAhead::set(ahead.first, from.data + next * depth, coming * depth);
    FetchAhead::set(ahead.second, to + next * columns, coming * columns);
    multiply({1, count, columns, 1, depth}, {left, 0, depth, 0, 1}, {weight, 0},
             {to + row * columns, 0, columns, map}, accumulate, &ahead);
    done(row, count);
  }
}

/// Any kernel, stride, padding and number of groups.
class DirectConvolution final : public ConvolutionKernel {
 public:
  explicit DirectConvolution(const Convolution& convolution)
      : ConvolutionKernel(convolution),
        is_plain_(conv.is_pointwise() && conv.stride_h == 1 && conv.stride_w == 1),
        window_(output_window(conv)),
        phases_(gradient_phases(conv)),
        forward_weight_(static_cast<size_t>(conv.fan_in() * conv.out_c)) {
    for (const GradientPhase& phase : phases_)
      phase_weights_.emplace_back(static_cast<size_t>(phase.window.depth() * conv.in_c));
    if (!is_plain_) unpacked_.resize(forward_weight_.size() / conv.groups);
  }

  void prepare_forward(const float* weight) override {
    for (int64_t g = 0; g < conv.groups; ++g)
      pack_columns({weight + g * out_group(), conv.out_c, 1}, conv.fan_in(), out_group(),
                   forward_weight_.data() + g * conv.fan_in() * out_group());
  }

  bool prepare_forward_rows(const float* weight, int64_t first, int64_t rows) override {
    for (int64_t g = 0; g < conv.groups; ++g)
      pack_rows({weight + g * out_group(), conv.out_c, 1}, first, rows, conv.fan_in(), out_group(),
                forward_weight_.data() + g * conv.fan_in() * out_group());
    return true;
  }

  void forward(ImageSource x, int64_t images, float* y, const ChannelMap* map, float* scratch,
               const RowsDone& done) const override {
    const int64_t pixels = conv.out_h * conv.out_w, band = window_.band(band_floats);
    if (is_plain_)
      return multiply_rows(x, images * pixels, conv.in_c, forward_weight_.data(), conv.out_c, y,
                           map, Accumulate::no, scratch, done);
    for (int64_t i = 0; i < images; ++i)
      for (int64_t line = 0; line < conv.out_h; line += band) {
        const int64_t lines = std::min(band, conv.out_h - line);
        const int64_t first = i * pixels + line * conv.out_w;
        for (int64_t g = 0; g < conv.groups; ++g)
          correlate(window_, x.from(i * x_floats()), g, line, lines, forward_weight_, out_group(),
                    y + first * conv.out_c, map, Accumulate::no, scratch);
        done(first, lines * conv.out_w);
      }
  }

  void prepare_backward(const float* weight) override {
    for (size_t p = 0; p < phases_.size(); ++p)
      for (int64_t g = 0; g < conv.groups; ++g)
        pack_phase(phases_[p], weight + g * out_group(),
                   phase_weights_[p].data() + g * phases_[p].window.depth() * in_group());
  }

  void backward_data(const float* dy, int64_t images, float* dx, Accumulate accumulate,
                     float* scratch) const override {
    if (is_plain_)
      return multiply_rows({dy}, images * conv.out_h * conv.out_w, conv.out_c,
                           phase_weights_[0].data(), conv.in_c, dx, nullptr, accumulate, scratch,
                           [](int64_t, int64_t) {});
    for (int64_t i = 0; i < images; ++i)
      for (size_t p = 0; p < phases_.size(); ++p)
        run_phase(p, dy + i * y_floats(), dx + i * x_floats(), accumulate, scratch);
  }

  void backward_weights(ImageSource x, const float* dy, int64_t images, float* dweight,
                        float* scratch) const override {
    if (is_plain_) return backward_weight_rows(x, dy, images, 0, conv.in_c, dweight, scratch);
    for (int64_t i = 0; i < images; ++i)
      sum_image(x.from(i * x_floats()), dy + i * y_floats(), dweight, scratch);
  }

  void backward(ImageSource x, const GradientRows& dy, int64_t images, float* dweight, float* dx,
                Accumulate accumulate, float* scratch) const override {
    if (!is_plain_)
      return ConvolutionKernel::backward(x, dy, images, dweight, dx, accumulate, scratch);
    const int64_t pixels = images * conv.out_h * conv.out_w;
    for (int64_t at = 0; at < pixels; at += rows_at_once) {
      const int64_t count = std::min(rows_at_once, pixels - at), next = at + count,
                    coming = std::min(rows_at_once, dy.rows_to_come - next);
      const float* const rows = dy.make(at, count, 0);
      FetchAhead gradients(rows), inputs(rows);
      FetchAhead::set(gradients.first, after(dy.made_of[0], next), coming * conv.out_c);
      FetchAhead::set(gradients.second, after(dy.made_of[1], next), coming * conv.out_c);
      sum_weight_rows(x, at, rows, count, 0, conv.in_c, dweight, scratch, &gradients);
      if (dx == nullptr) continue;
      FetchAhead::set(inputs.first, x.data + next * conv.in_c, coming * conv.in_c);
      FetchAhead::set(inputs.second, dx + next * conv.in_c, coming * conv.in_c);
      multiply({1, count, conv.in_c, 1, conv.out_c}, {rows, 0, conv.out_c, 0, 1},
               {phase_weights_[0].data(), 0}, {dx + at * conv.in_c, 0, conv.in_c}, accumulate,
               &inputs);
    }
  }

  bool sums_by_image() const override {
    return !is_plain_ || conv.out_h * conv.out_w % rows_at_once == 0;
  }

  int64_t separable_weight_rows() const override { return is_plain_ ? conv.in_c : 0; }

  void backward_weight_rows(ImageSource x, const float* dy, int64_t images, int64_t first,
                            int64_t rows, float* drows, float* scratch) const override {
    const int64_t pixels = images * conv.out_h * conv.out_w;
    for (int64_t at = 0; at < pixels; at += rows_at_once) {
      const int64_t count = std::min(rows_at_once, pixels - at);
      const float* const own = dy + at * conv.out_c;
      FetchAhead ahead(own);
      const int64_t next = count * conv.out_c,
                    half = std::min(rows_at_once, pixels - at - count) * conv.out_c / 2;
      FetchAhead::set(ahead.first, own + next, half);
      FetchAhead::set(ahead.second, own + next + half, half);
      sum_weight_rows(x, at, own, count, first, rows, drows, scratch, &ahead);
    }
  }

  bool takes_transforms() const override { return true; }
  int64_t scratch_floats() const override {
    if (is_plain_) return rows_at_once * conv.in_c;  // for mapped rows
    int64_t most = std::max(window_.scratch_floats(window_.band(band_floats)),
                            window_.scratch_floats(gradient_band()));
    for (const GradientPhase& phase : phases_)
      most = std::max(most, phase.window.scratch_floats(phase.window.band(band_floats)));
    return most;
  }

 private:
  /// Rows of results after row `first`.
  const float* after(const float* rows, int64_t first) const {
    return rows ? rows + first * conv.out_c : nullptr;
  }

  /// drows [rows, K] += rows [first, first + rows) of the weight gradient of `count` pixels from
  /// `at` on; dy is theirs.
  void sum_weight_rows(ImageSource x, int64_t at, const float* dy, int64_t count, int64_t first,
                       int64_t rows, float* drows, float* scratch, FetchAhead* ahead) const {
    const float* const left = x.data + at * conv.in_c + first;
    const bool is_stored = x.is_as_stored();
    if (!is_stored) x.load(at * conv.in_c + first, conv.in_c, count, rows, first, scratch);
    multiply({1, rows, conv.out_c, 1, count},
             {is_stored ? left : scratch, 0, 1, 0, is_stored ? conv.in_c : rows}, {dy, conv.out_c},
             {drows, 0, conv.out_c}, Accumulate::yes, ahead);
  }

  int64_t in_group() const { return conv.in_c / conv.groups; }
  int64_t out_group() const { return conv.out_c / conv.groups; }
  int64_t x_floats() const { return conv.in_h * conv.in_w * conv.in_c; }
  int64_t y_floats() const { return conv.out_h * conv.out_w * conv.out_c; }
  int64_t gradient_band() const {
    return std::clamp<int64_t>(rows_at_once / conv.out_w, 1, conv.out_h);
  }

  /// One group's weights at the taps of a phase: [taps, K, C] from [kh, kw, C, K].
  void pack_phase(const GradientPhase& phase, const float* weight, float* to) {
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

  /// Output lines [line, line + lines) of one image and group; group 0's first is at `to`.
  static void correlate(const ImageWindow& window, ImageSource image, int64_t group, int64_t line,
                        int64_t lines, const std::vector<float>& weight, int64_t columns, float* to,
                        const ChannelMap* map, Accumulate accumulate, float* scratch) {
    const int64_t first = group * columns;
    const ChannelMap own = map ? map->from(first) : ChannelMap{};
    multiply({lines, window.out_w, columns, window.taps_h, window.taps_w * window.group_channels},
             window.read(image, group * window.group_channels, line, lines, scratch),
             {weight.data() + group * window.depth() * columns, 0},
             {to + first, window.to_line, window.to_row, map ? &own : nullptr}, accumulate);
  }

  void run_phase(size_t p, const float* dy, float* dx, Accumulate accumulate,
                 float* scratch) const {
    const GradientPhase& phase = phases_[p];
    const ImageWindow& window = phase.window;
    float* const to = dx + (phase.first_h * conv.in_w + phase.first_w) * conv.in_c;
    const int64_t band = window.band(band_floats);
    for (int64_t line = 0; line < window.out_h; line += band)
      for (int64_t g = 0; g < conv.groups; ++g)
        correlate(window, {dy}, g, line, std::min(band, window.out_h - line), phase_weights_[p],
                  in_group(), to + line * window.to_line, nullptr, accumulate, scratch);
  }

  /// The window transposed: its taps are the rows of the product, its outputs are summed over.
  void sum_image(ImageSource x, const float* dy, float* dweight, float* scratch) const {
    const int64_t band = gradient_band(), taps = conv.kernel_w * in_group();
    for (int64_t line = 0; line < conv.out_h; line += band)
      for (int64_t g = 0; g < conv.groups; ++g) {
        const int64_t lines = std::min(band, conv.out_h - line);
        const LeftFactor at = window_.read(x, g * in_group(), line, lines, scratch);
        multiply({conv.kernel_h, taps, out_group(), lines, conv.out_w},
                 {at.data, at.segment, 1, at.line, at.row},
                 {dy + line * conv.out_w * conv.out_c + g * out_group(), conv.out_c},
                 {dweight + g * out_group(), taps * conv.out_c, conv.out_c}, Accumulate::yes);
      }
  }

  const bool is_plain_;
  const ImageWindow window_;
  const std::vector<GradientPhase> phases_;
  std::vector<float> forward_weight_;  // by group, packed
  std::vector<std::vector<float>>
      phase_weights_;            // by group [taps * K / groups, C / groups], packed
  std::vector<float> unpacked_;  // of one phase and group
};

}  // namespace

std::unique_ptr<ConvolutionKernel> make_direct_convolution(const Convolution& convolution) {
  return std::make_unique<DirectConvolution>(convolution);
}

}  // namespace quantdyn
