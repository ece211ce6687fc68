#include <algorithm>

#include "framework/base/threads.h"
#include "layers/fused/convolution_kernel.h"
#include "layers/fused/products.h"
#include "layers/fused/winograd_kernels.h"

namespace quantdyn {
namespace {

/// Images cut into tiles of 4 x 4 outputs; a block of tiles is transformed, multiplied and
/// transformed back while it is in the cache.
struct Tiling {
  int64_t out_h, out_w;
  int64_t rows, columns;  // of tiles, per image

  Tiling(int64_t height, int64_t width)
      : out_h(height), out_w(width), rows((height + 3) / 4), columns((width + 3) / 4) {}
  int64_t per_image() const { return rows * columns; }
  int64_t row_of(int64_t tile) const { return tile % per_image() / columns * 4; }
  int64_t column_of(int64_t tile) const { return tile % columns * 4; }
};

/// Tiles whose transforms, in and out, take about 860 KB: enough to make up for reading the
/// weights, few enough for the caches.
int64_t block_tiles(int64_t channels) { return std::clamp<int64_t>(6'000 / channels, 16, 256); }

/// Cuts `tiles` into blocks of almost equal size, none above `most`.
int64_t even_block(int64_t tiles, int64_t most) {
  const int64_t blocks = (tiles + most - 1) / most;
  return (tiles + blocks - 1) / blocks;
}

/// 3 x 3, stride 1, one group, any padding up to 2.
class WinogradConvolution final : public ConvolutionKernel {
 public:
  explicit WinogradConvolution(const Convolution& convolution)
      : ConvolutionKernel(convolution),
        block_(block_tiles(conv.in_c + conv.out_c)),
        weight_(weight_floats()),
        backward_weight_(weight_floats()),
        transformed_(weight_floats()),
        flipped_(static_cast<size_t>(9 * conv.in_c * conv.out_c)) {}

  void prepare_forward(const float* weight) override {
    transform_weight(weight, conv.in_c, conv.out_c, weight_.data());
  }

  void forward(ImageSource x, int64_t images, float* y, const ChannelMap* map, float* scratch,
               const RowsDone& done) const override {
    const int64_t rows = conv.out_h * conv.out_w;
    for (int64_t i = 0; i < images; ++i) {
      // By image, so that its rows are finished while they are in the cache; small images are
      // grouped.
      const int64_t together = std::min(
          images - i, std::max<int64_t>(1, block_ / Tiling(conv.out_h, conv.out_w).per_image()));
      convolve({conv.in_h, conv.in_w, conv.in_c, -conv.pad_top, -conv.pad_left},
               {conv.out_h, conv.out_w}, conv.out_c, x.from(i * conv.in_h * conv.in_w * conv.in_c),
               together, weight_.data(), y + i * rows * conv.out_c, map, Accumulate::no, scratch);
      done(i * rows, together * rows);
      i += together - 1;
    }
  }

  void prepare_backward(const float* weight) override {
    parallel_for(9, [&](int64_t tap, int) {
      float* const to = flipped_.data() + (8 - tap) * conv.in_c * conv.out_c;
      for (int64_t c = 0; c < conv.in_c; ++c)
        for (int64_t k = 0; k < conv.out_c; ++k)
          to[k * conv.in_c + c] = weight[(tap * conv.in_c + c) * conv.out_c + k];
    });
    transform_weight(flipped_.data(), conv.out_c, conv.in_c, backward_weight_.data());
  }

  void backward_data(const float* dy, int64_t images, float* dx, Accumulate accumulate,
                     float* scratch) const override {
    convolve({conv.out_h, conv.out_w, conv.out_c, conv.pad_top - 2, conv.pad_left - 2},
             {conv.in_h, conv.in_w}, conv.in_c, {dy}, images, backward_weight_.data(), dx, nullptr,
             accumulate, scratch);
  }

  void backward_weights(ImageSource x, const float* dy, int64_t images, float* dweight,
                        float* scratch) const override {
    const Tiling tiling(conv.out_h, conv.out_w);
    float* const of_x = scratch;
    float* const of_dy = of_x + WinogradTile::values * block_ * conv.in_c;
    float* const sums = of_dy + WinogradTile::values * block_ * conv.out_c;
    const int64_t tiles = images * tiling.per_image(), block = even_block(tiles, block_);
    for (int64_t first = 0; first < tiles; first += block) {
      const int64_t count = std::min(block, tiles - first);
      for (int64_t t = 0; t < count; ++t) {
        const int64_t image = (first + t) / tiling.per_image();
        const int64_t row = tiling.row_of(first + t), column = tiling.column_of(first + t);
        winograd_input(
            x.data + image * conv.in_h * conv.in_w * conv.in_c, x.map,
            {conv.in_h, conv.in_w, conv.in_c, row - conv.pad_top, column - conv.pad_left},
            of_x + t * conv.in_c, count * conv.in_c);
        winograd_output_gradient(dy + image * conv.out_h * conv.out_w * conv.out_c,
                                 {conv.out_h, conv.out_w, conv.out_c, row, column},
                                 of_dy + t * conv.out_c, count * conv.out_c);
      }
      for (int64_t xi = 0; xi < WinogradTile::values; ++xi)
        multiply({1, conv.in_c, conv.out_c, 1, count},
                 {of_x + xi * count * conv.in_c, 0, 1, 0, conv.in_c},
                 {of_dy + xi * count * conv.out_c, conv.out_c},
                 {sums + xi * conv.in_c * conv.out_c, 0, conv.out_c},
                 first == 0 ? Accumulate::no : Accumulate::yes);
    }
    winograd_weight_gradient(sums, conv.in_c, conv.out_c, dweight);
  }

  int64_t scratch_floats() const override {
    return WinogradTile::values * (block_ * (conv.in_c + conv.out_c) + conv.in_c * conv.out_c);
  }

  double computed_share() const override {
    const double outputs = static_cast<double>(conv.out_h * conv.out_w);
    const auto tiles = static_cast<double>(Tiling(conv.out_h, conv.out_w).per_image());
    return static_cast<double>(WinogradTile::values) * tiles / (9 * outputs);
  }

 private:
  size_t weight_floats() const {
    return static_cast<size_t>(WinogradTile::values * conv.in_c * conv.out_c);
  }

  /// to [images,P,Q,K] (+)= `from` convolved with a transformed weight [36,C,K]. `window` is the
  /// image to read and the start of the first output's window.
  void convolve(const ImageTile& window, const Tiling& tiling, int64_t out_channels,
                ImageSource from, int64_t images, const float* weight, float* to,
                const ChannelMap* map, Accumulate accumulate, float* scratch) const {
    float* const transformed = scratch;
    float* const products = transformed + WinogradTile::values * block_ * window.channels;
    const int64_t tiles = images * tiling.per_image(), block = even_block(tiles, block_);
    for (int64_t first = 0; first < tiles; first += block) {
      const int64_t count = std::min(block, tiles - first);
      const int64_t plane_in = count * window.channels, plane_out = count * out_channels;
      for (int64_t t = 0; t < count; ++t) {
        ImageTile tile = window;
        tile.row += tiling.row_of(first + t);
        tile.column += tiling.column_of(first + t);
        winograd_input(
            from.data + (first + t) / tiling.per_image() * window.h * window.w * window.channels,
            from.map, tile, transformed + t * window.channels, plane_in);
      }
      for (int64_t xi = 0; xi < WinogradTile::values; ++xi)
        multiply({1, count, out_channels, 1, window.channels},
                 {transformed + xi * plane_in, 0, window.channels, 0, 1},
                 {weight + xi * window.channels * out_channels, 0},
                 {products + xi * plane_out, 0, out_channels}, Accumulate::no);
      for (int64_t t = 0; t < count; ++t)
        winograd_output(
            products + t * out_channels, plane_out,
            to + (first + t) / tiling.per_image() * tiling.out_h * tiling.out_w * out_channels,
            {tiling.out_h, tiling.out_w, out_channels, tiling.row_of(first + t),
             tiling.column_of(first + t)},
            map, accumulate == Accumulate::yes);
    }
  }

  /// to [36,C,K]; each of the 36 matrices is packed.
  void transform_weight(const float* weight, int64_t in, int64_t out, float* to) {
    constexpr int64_t at_once = 1024;
    const int64_t plane = in * out;
    parallel_for((plane + at_once - 1) / at_once, [&](int64_t index, int) {
      winograd_weight(weight, plane, index * at_once, std::min(plane, (index + 1) * at_once),
                      transformed_.data());
    });
    parallel_for(WinogradTile::values, [&](int64_t xi, int) {
      pack_columns({transformed_.data() + xi * plane, out, 1}, in, out, to + xi * plane);
    });
  }

  const int64_t block_;
  std::vector<float> weight_, backward_weight_;  // transformed and packed
  std::vector<float> transformed_, flipped_;
};

}  // namespace

bool takes_winograd(const Convolution& c) {
  return c.kernel_h == 3 && c.kernel_w == 3 && c.stride_h == 1 && c.stride_w == 1 &&
         c.groups == 1 && c.pad_top <= 2 && c.pad_left <= 2;
}

std::unique_ptr<ConvolutionKernel> make_winograd_convolution(const Convolution& convolution) {
  return std::make_unique<WinogradConvolution>(convolution);
}

}  // namespace quantdyn
