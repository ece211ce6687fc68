#include <algorithm>
#include <cstring>

#include "layers/fused/convolution_kernel.h"

namespace quantdyn {
namespace {

/// A window of taps that gathers rows of a matrix from an image: forward reads x by the
/// convolution's own window; an input gradient reads dy by the taps that reach one phase of the
/// input's pixels.
struct Gather {
  int64_t h, w, channels;  // of the image read; one group's channels start at `offset`
  int64_t group_channels;
  std::vector<int64_t> row_taps;  // offsets added to a row's base
  std::vector<int64_t> column_taps;
  int64_t base_stride_h, base_stride_w;  // base = index * stride

  int64_t width() const {
    return static_cast<int64_t>(row_taps.size() * column_taps.size()) * group_channels;
  }
  /// Writes the taps around pixel (row, column) of the output grid: [taps, group_channels], zeros
  /// outside.
  void copy_pixel(const float* image, int64_t row, int64_t column, float* to) const {
    const int64_t h0 = row * base_stride_h, w0 = column * base_stride_w;
    for (int64_t dh : row_taps)
      for (int64_t dw : column_taps) {
        const int64_t i = h0 + dh, j = w0 + dw;
        const bool inside = i >= 0 && i < h && j >= 0 && j < w;
        if (inside)
          std::memcpy(to, image + (i * w + j) * channels,
                      sizeof(float) * static_cast<size_t>(group_channels));
        else
          std::memset(to, 0, sizeof(float) * static_cast<size_t>(group_channels));
        to += group_channels;
      }
  }
  /// The same where taps of a row are neighbours and all channels are read: one copy a row of taps.
  void copy_pixel_by_rows(const float* image, int64_t row, int64_t column, float* to) const {
    const int64_t h0 = row * base_stride_h, first = column * base_stride_w + column_taps.front();
    const int64_t taps = static_cast<int64_t>(column_taps.size());
    const int64_t from = std::clamp<int64_t>(-first, 0, taps),
                  end = std::clamp<int64_t>(w - first, from, taps);
    for (int64_t dh : row_taps) {
      const int64_t i = h0 + dh;
      if (i < 0 || i >= h) {
        std::fill_n(to, taps * channels, 0.0f);
      } else {
        std::fill_n(to, from * channels, 0.0f);
        std::copy_n(image + (i * w + first + from) * channels, (end - from) * channels,
                    to + from * channels);
        std::fill_n(to + end * channels, (taps - end) * channels, 0.0f);
      }
      to += taps * channels;
    }
  }
  bool by_rows() const {
    if (group_channels != channels) return false;
    for (size_t t = 1; t < column_taps.size(); ++t)
      if (column_taps[t] != column_taps[t - 1] + 1) return false;
    return true;
  }
};

/// Fills rows [first, first + rows) of the gathered matrix over a grid of out_h x out_w pixels an
/// image.
void gather_rows(const Gather& gather, const float* x, int64_t offset, int64_t out_h, int64_t out_w,
                 int64_t first, int64_t rows, float* to) {
  const bool by_rows = gather.by_rows();
  const int64_t width = gather.width();
  for (int64_t row = first; row < first + rows; ++row, to += width) {
    const int64_t image = row / (out_h * out_w), pixel = row % (out_h * out_w);
    const float* const at = x + image * gather.h * gather.w * gather.channels + offset;
    if (by_rows)
      gather.copy_pixel_by_rows(at, pixel / out_w, pixel % out_w, to);
    else
      gather.copy_pixel(at, pixel / out_w, pixel % out_w, to);
  }
}

/// Rows a tile: enough for BLIS to pay for packing the weights, few enough that a tile stays in the
/// cache.
int64_t tile_rows(int64_t width) {
  return std::clamp<int64_t>(131072 / width / 32 * 32, 128, 1024);
}

/// Input pixels (a + i stride) of one phase, and the taps of the filter that reach them.
struct Phase {
  int64_t first_h, first_w;  // first pixel of the phase
  int64_t out_h, out_w;      // pixels of the phase
  std::vector<int64_t> filter_rows, filter_columns;
  Gather gather;
  std::vector<float> weight;  // [groups][taps, K / groups, C / groups]
};

class GemmConvolution final : public ConvolutionKernel {
 public:
  explicit GemmConvolution(const Convolution& convolution) : ConvolutionKernel(convolution) {
    input_ = {conv.in_h, conv.in_w, conv.in_c,     conv.in_c / conv.groups,
              {},        {},        conv.stride_h, conv.stride_w};
    for (int64_t r = 0; r < conv.kernel_h; ++r) input_.row_taps.push_back(r - conv.pad_top);
    for (int64_t s = 0; s < conv.kernel_w; ++s) input_.column_taps.push_back(s - conv.pad_left);
    is_plain_ = conv.is_pointwise() && conv.stride_h == 1 && conv.stride_w == 1;
    for (int64_t a = 0; a < conv.stride_h; ++a)
      for (int64_t b = 0; b < conv.stride_w; ++b) phases_.push_back(make_phase(a, b));
  }

  void prepare_forward(const float* weight) override { forward_weight_ = weight; }

  void forward(const float* x, int64_t images, float* y, float* scratch,
               const RowsDone& done) const override {
    const int64_t rows = images * conv.out_h * conv.out_w, tile = tile_rows(input_.width());
    for (int64_t first = 0; first < rows; first += tile) {
      const int64_t count = std::min(tile, rows - first);
      for (int64_t g = 0; g < conv.groups; ++g)
        gemm(count, out_group(), input_.width(), window(x, g, first, count, scratch),
             {forward_weight_ + g * out_group(), conv.out_c, 1},
             {y + first * conv.out_c + g * out_group(), conv.out_c, 1}, Accumulate::no);
      done(first, count);
    }
  }

  void prepare_backward(const float* weight) override {
    weight_ = weight;
    if (is_plain_) return;
    const int64_t in_group = conv.in_c / conv.groups;
    for (Phase& phase : phases_) {
      float* to = phase.weight.data();
      for (int64_t g = 0; g < conv.groups; ++g)
        for (int64_t r : phase.filter_rows)
          for (int64_t s : phase.filter_columns)
            for (int64_t k = 0; k < out_group(); ++k)
              for (int64_t c = 0; c < in_group; ++c)
                *to++ = weight[((r * conv.kernel_w + s) * in_group + c) * conv.out_c +
                               g * out_group() + k];
    }
  }

  void backward_data(const float* dy, int64_t images, float* dx, Accumulate accumulate,
                     float* scratch) const override {
    if (is_plain_) {
      const int64_t rows = images * conv.out_h * conv.out_w;
      gemm(rows, conv.in_c, conv.out_c, {dy, conv.out_c, 1},
           Matrix<const float>{weight_, conv.out_c, 1}.transposed(), {dx, conv.in_c, 1},
           accumulate);
      return;
    }
    for (const Phase& phase : phases_) run_phase(phase, dy, images, dx, accumulate, scratch);
  }

  void backward_weights(const float* x, const float* dy, int64_t images, float* dweight,
                        float* scratch) const override {
    const int64_t rows = images * conv.out_h * conv.out_w;
    const int64_t tile = is_plain_ ? rows : tile_rows(input_.width());
    for (int64_t first = 0; first < rows; first += tile) {
      const int64_t count = std::min(tile, rows - first);
      for (int64_t g = 0; g < conv.groups; ++g)
        gemm(input_.width(), out_group(), count, window(x, g, first, count, scratch).transposed(),
             {dy + first * conv.out_c + g * out_group(), conv.out_c, 1},
             {dweight + g * out_group(), conv.out_c, 1}, Accumulate::yes);
    }
  }

  int64_t scratch_floats() const override {
    int64_t most = is_plain_ ? 0 : tile_rows(input_.width()) * input_.width();
    for (const Phase& phase : phases_)
      if (const int64_t width = phase.gather.width(); width > 0 && !is_plain_)
        most = std::max(most, tile_rows(width) * (width + conv.in_c));
    return most;
  }

 private:
  int64_t out_group() const { return conv.out_c / conv.groups; }

  /// Rows of one group's im2col matrix: x itself where nothing is to be gathered.
  Matrix<const float> window(const float* x, int64_t g, int64_t first, int64_t rows,
                             float* scratch) const {
    if (is_plain_) return {x + first * conv.in_c, conv.in_c, 1};
    gather_rows(input_, x, g * input_.group_channels, conv.out_h, conv.out_w, first, rows, scratch);
    return {scratch, input_.width(), 1};
  }

  /// Input row i of phase a is i stride + first; filter row r reaches it from output row
  /// (i stride + first + pad - r) / stride where that divides.
  Phase make_phase(int64_t a, int64_t b) const {
    Phase phase{a,
                b,
                (conv.in_h - a + conv.stride_h - 1) / conv.stride_h,
                (conv.in_w - b + conv.stride_w - 1) / conv.stride_w,
                {},
                {},
                {conv.out_h, conv.out_w, conv.out_c, out_group(), {}, {}, 1, 1},
                {}};
    for (int64_t r = conv.kernel_h; r-- > 0;)
      if ((a + conv.pad_top - r) % conv.stride_h == 0) {
        phase.filter_rows.push_back(r);
        phase.gather.row_taps.push_back((a + conv.pad_top - r) / conv.stride_h);
      }
    for (int64_t s = conv.kernel_w; s-- > 0;)
      if ((b + conv.pad_left - s) % conv.stride_w == 0) {
        phase.filter_columns.push_back(s);
        phase.gather.column_taps.push_back((b + conv.pad_left - s) / conv.stride_w);
      }
    phase.weight.resize(phase.filter_rows.size() * phase.filter_columns.size() *
                        static_cast<size_t>(conv.out_c * conv.in_c / conv.groups));
    return phase;
  }

  void run_phase(const Phase& phase, const float* dy, int64_t images, float* dx,
                 Accumulate accumulate, float* scratch) const {
    const int64_t width = phase.gather.width(), in_group = conv.in_c / conv.groups;
    const int64_t rows = images * phase.out_h * phase.out_w,
                  tile = tile_rows(std::max<int64_t>(width, 1));
    const bool is_whole = phases_.size() == 1;  // stride 1: the phase's pixels are the image's
    for (int64_t first = 0; first < rows; first += tile) {
      const int64_t count = std::min(tile, rows - first);
      float* const result = is_whole ? dx + first * conv.in_c : scratch + tile * width;
      for (int64_t g = 0; g < conv.groups && width > 0; ++g) {
        gather_rows(phase.gather, dy, g * out_group(), phase.out_h, phase.out_w, first, count,
                    scratch);
        gemm(count, in_group, width, {scratch, width, 1},
             {phase.weight.data() + g * width * in_group, in_group, 1},
             {result + g * in_group, conv.in_c, 1}, is_whole ? accumulate : Accumulate::no);
      }
      if (!is_whole) scatter(phase, width > 0 ? result : nullptr, first, count, dx, accumulate);
    }
  }

  /// Puts rows of a phase where its pixels lie in dx; null: zeros (no tap reaches the phase).
  void scatter(const Phase& phase, const float* rows, int64_t first, int64_t count, float* dx,
               Accumulate accumulate) const {
    for (int64_t row = first; row < first + count; ++row) {
      const int64_t image = row / (phase.out_h * phase.out_w),
                    pixel = row % (phase.out_h * phase.out_w);
      const int64_t h = phase.first_h + pixel / phase.out_w * conv.stride_h;
      const int64_t w = phase.first_w + pixel % phase.out_w * conv.stride_w;
      float* const to = dx + ((image * conv.in_h + h) * conv.in_w + w) * conv.in_c;
      if (rows && accumulate == Accumulate::yes)
        for (int64_t c = 0; c < conv.in_c; ++c) to[c] += rows[c];
      else if (rows)
        std::copy_n(rows, conv.in_c, to);
      else if (accumulate == Accumulate::no)
        std::fill_n(to, conv.in_c, 0.0f);
      if (rows) rows += conv.in_c;
    }
  }

  Gather input_;
  bool is_plain_;
  std::vector<Phase> phases_;
  const float* forward_weight_ = nullptr;
  const float* weight_ = nullptr;  // of backward_data
};

}  // namespace

std::unique_ptr<ConvolutionKernel> make_gemm_convolution(const Convolution& convolution) {
  return std::make_unique<GemmConvolution>(convolution);
}

}  // namespace quantdyn
