#include "layers/fused/code_sums.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <optional>

#include "framework/base/error.h"
#include "layers/codes/products.h"
#include "layers/codes/values.h"
#include "layers/codes/windows.h"
#include "layers/fused/depthwise_kernels.h"
#include "layers/fused/image_window.h"

namespace quantdyn {
namespace {

constexpr int64_t rows_at_once = 128;
constexpr int64_t read_past = 64;  // bytes: a vector after the last code

int64_t steps(const CodeGrid& grid) { return int64_t{grid.highest} - grid.lowest; }
/// The largest |code - zero_point|.
int64_t largest(const CodeGrid& grid) {
  return std::max<int64_t>(std::abs(int64_t{grid.lowest} - grid.zero_point),
                           std::abs(int64_t{grid.highest} - grid.zero_point));
}

/// The largest |sum| that the grids allow.
int64_t largest_sum(const Convolution& conv, const ProductCodes& codes) {
  int64_t of_weight = 0;
  for (const CodeGrid& grid : codes.weight_grids) of_weight = std::max(of_weight, largest(grid));
  return conv.fan_in() * of_weight * largest(codes.input);
}

bool are_bytes(const ProductCodes& codes) {
  return steps(codes.input) < 256 && std::ranges::all_of(codes.weight_grids, [](const auto& grid) {
           return steps(grid) < 256;
         });
}

/// Images with padding where outputs need it, as bytes.
struct PaddedImages {
  const Convolution& conv;
  int64_t height, width;  // as far as outputs reach
  uint8_t zero;

  PaddedImages(const Convolution& c, const CodeGrid& grid)
      : conv(c),
        height((c.out_h - 1) * c.stride_h + c.kernel_h),
        width((c.out_w - 1) * c.stride_w + c.kernel_w),
        zero(static_cast<uint8_t>(grid.zero_point - grid.lowest)) {}

  int64_t bytes(int64_t images) const { return images * height * width * conv.in_c; }
  /// copy(pixel, count, to) brings pixels of the images. Stops if it returns false.
  template <typename Copy>
  bool fill(int64_t images, uint8_t* to, const Copy& copy) const {
    const int64_t left = std::min(conv.pad_left, width);
    const int64_t columns = std::clamp<int64_t>(width - left, 0, conv.in_w);
    for (int64_t i = 0; i < images; ++i)
      for (int64_t row = 0; row < height; ++row) {
        const int64_t from = row - conv.pad_top;
        const bool is_padding = from < 0 || from >= conv.in_h;
        to = std::fill_n(to, (is_padding ? width : left) * conv.in_c, zero);
        if (is_padding) continue;
        if (!copy((i * conv.in_h + from) * conv.in_w, columns, to)) return false;
        to = std::fill_n(to + columns * conv.in_c, (width - left - columns) * conv.in_c, zero);
      }
    return true;
  }
  void copy(const uint8_t* codes, int64_t images, uint8_t* to) const {
    fill(images, to, [&](int64_t pixel, int64_t count, uint8_t* at) {
      std::copy_n(codes + pixel * conv.in_c, count * conv.in_c, at);
      return true;
    });
  }
};

int64_t byte_floats(int64_t bytes) { return (bytes + read_past + 3) / 4; }

/// All input channels in one group: codes of the padded images as bytes, sums in int32.
class ByteSums final : public CodeSums {
 public:
  ByteSums(const Convolution& conv, const ProductCodes& codes)
      : CodeSums(conv, codes),
        is_plain_(conv.is_pointwise() && conv.stride_h == 1 && conv.stride_w == 1),
        padded_(conv_, codes.input),
        packed_(conv.kernel_h, conv.kernel_w * conv.in_c, codes.weight, codes.weight_grids,
                codes.input.zero_point - codes.input.lowest) {}

  bool read(const float* x, int64_t images, float* scratch) const override {
    auto* const to = reinterpret_cast<uint8_t*>(scratch);
    if (is_plain_) return take_codes(input_, x, images * conv_.in_h * conv_.in_w * conv_.in_c, to);
    return padded_.fill(images, to, [&](int64_t pixel, int64_t count, uint8_t* at) {
      return take_codes(input_, x + pixel * conv_.in_c, count * conv_.in_c, at);
    });
  }

  void run(const CodedImages& x, int64_t images, const SumMap& map, float* y, float* scratch,
           const RowsDone& done) const override {
    run_images(x, images, map, y, scratch, done);
  }
  void run(const CodedImages& x, int64_t images, const CodeMap& map, uint8_t* y,
           float* scratch) const override {
    run_images(x, images, map, y, scratch, [](int64_t, int64_t) {});
  }

 private:
  /// The codes with padding where outputs need it.
  const uint8_t* bytes_of(const CodedImages& x, int64_t images, float* scratch) const {
    auto* const to = reinterpret_cast<uint8_t*>(scratch);
    if (!x.codes) return to;  // from read()
    if (is_plain_) return x.codes;
    padded_.copy(x.codes, images, to);
    return to;
  }

  template <class Map, typename Element>
  void run_images(const CodedImages& x, int64_t images, const Map& map, Element* y, float* scratch,
                  const RowsDone& done) const {
    const uint8_t* const codes = bytes_of(x, images, scratch);
    const int64_t pixels = conv_.out_h * conv_.out_w, pitch = padded_.width * conv_.in_c;
    if (is_plain_) {
      for (int64_t row = 0; row < images * pixels; row += rows_at_once) {
        const int64_t count = std::min(rows_at_once, images * pixels - row);
        multiply_codes({1, count, 1, conv_.in_c}, {codes + row * conv_.in_c, 0, conv_.in_c, 0},
                       packed_, map, y + row * conv_.out_c, 0);
        done(row, count);
      }
      return;
    }
    const int64_t band = std::max<int64_t>(1, rows_at_once / conv_.out_w);
    for (int64_t i = 0; i < images; ++i)
      for (int64_t line = 0; line < conv_.out_h; line += band) {
        const int64_t lines = std::min(band, conv_.out_h - line);
        const int64_t row = i * pixels + line * conv_.out_w;
        multiply_codes({lines, conv_.out_w, conv_.kernel_h, conv_.kernel_w * conv_.in_c},
                       {codes + (i * padded_.height + line * conv_.stride_h) * pitch,
                        conv_.stride_h * pitch, conv_.stride_w * conv_.in_c, pitch},
                       packed_, map, y + row * conv_.out_c, conv_.out_w * conv_.out_c);
        done(row, lines * conv_.out_w);
      }
  }

  const bool is_plain_;
  const PaddedImages padded_;
  const PackedCodes packed_;
};

/// One filter per channel: whole numbers in floats, whose sums are exact up to 2^24.
class DepthwiseSums final : public CodeSums {
 public:
  DepthwiseSums(const Convolution& conv, const ProductCodes& codes)
      : CodeSums(conv, codes), window_(all_channels(conv)) {
    for (size_t i = 0; i < codes.weight.size(); ++i)
      weight_.push_back(
          static_cast<float>(codes.weight[i] - codes.weight_grids[i % conv.out_c].zero_point));
    const bool is_common = conv.kernel_h == 3 && conv.kernel_w == 3 && conv.out_c >= 16;
    if (is_common && has_code_windows())
      packed_.emplace(codes.weight, codes.weight_grids, codes.input.zero_point - codes.input.lowest,
                      holds_pixels());
  }

  bool read(const float* x, int64_t images, float*) const override {
    return are_on_grid(input_, x, images * conv_.in_h * conv_.in_w * conv_.in_c);
  }

  void run(const CodedImages& x, int64_t images, const SumMap& map, float* y, float* scratch,
           const RowsDone& done) const override {
    for_bands(x, images, scratch,
              [&](int64_t line, int64_t lines, int64_t first, const ImageRows& rows) {
                float* const to = y + first * conv_.out_c;
                sum(rows, line, lines, to);
                map_sums(map, to, lines * conv_.out_w, conv_.out_c);
                done(first, lines * conv_.out_w);
              });
  }
  void run(const CodedImages& x, int64_t images, const CodeMap& map, uint8_t* y,
           float* scratch) const override {
    if (x.codes && packed_ && map.is_small && has_code_windows())
      return run_bytes(x.codes, images, map, y, scratch);
    float* const sums = scratch + rows_floats(conv_, window_);
    for_bands(x, images, scratch,
              [&](int64_t line, int64_t lines, int64_t first, const ImageRows& rows) {
                sum(rows, line, lines, sums);
                map_sums(map, sums, lines * conv_.out_w, conv_.out_c, y + first * conv_.out_c);
              });
  }

  static ImageWindow all_channels(Convolution conv) {
    conv.groups = 1;
    return output_window(conv);
  }
  /// A band's rows of the image, then its sums; or the padded images.
  static int64_t scratch_floats(const Convolution& conv, int64_t images) {
    const ImageWindow window = all_channels(conv);
    return std::max(rows_floats(conv, window) + window.band(band_floats) * conv.out_w * conv.out_c,
                    byte_floats(PaddedImages(conv, {}).bytes(images)));
  }

 private:
  static constexpr int64_t band_floats = 16 * 1024;

  static int64_t rows_floats(const Convolution& conv, const ImageWindow& window) {
    const int64_t lines = window.band(band_floats);
    return std::min(conv.in_h, (lines - 1) * conv.stride_h + conv.kernel_h) * conv.in_w * conv.in_c;
  }

  void sum(const ImageRows& rows, int64_t line, int64_t lines, float* to) const {
    depthwise_sums(window_, rows, line, lines, weight_.data(),
                   {to, window_.to_line, window_.to_row}, Accumulate::no);
  }

  /// Calls body(line, lines, first output row of all, rows as whole numbers).
  template <typename Body>
  void for_bands(const CodedImages& x, int64_t images, float* scratch, const Body& body) const {
    const int64_t band = window_.band(band_floats), pitch = conv_.in_w * conv_.in_c;
    for (int64_t i = 0; i < images; ++i)
      for (int64_t line = 0; line < conv_.out_h; line += band) {
        const int64_t lines = std::min(band, conv_.out_h - line);
        const auto [begin, end] = window_.image_rows(line, lines);
        const int64_t at = (i * conv_.in_h + begin) * pitch, count = (end - begin) * pitch;
        if (x.codes)
          take_whole_numbers(input_.zero_point - input_.lowest, x.codes + at, count, scratch);
        else
          take_whole_numbers(input_, x.values + at, count, scratch);
        body(line, lines, (i * conv_.out_h + line) * conv_.out_w, ImageRows{scratch, begin});
      }
  }

  /// Whether a vector of 64 bytes holds neighbouring pixels, whose outputs are neighbours, too.
  bool holds_pixels() const {
    return conv_.stride_w == 1 && (conv_.out_c == 16 || conv_.out_c == 32);
  }

  void run_bytes(const uint8_t* codes, int64_t images, const CodeMap& map, uint8_t* y,
                 float* scratch) const {
    auto* const bytes = reinterpret_cast<uint8_t*>(scratch);
    const PaddedImages padded(conv_, input_);
    padded.copy(codes, images, bytes);
    const int64_t pixel = conv_.in_c, row = padded.width * pixel, to_line = conv_.out_w * pixel;
    CodeWindows all{.x = bytes,
                    .row = row,
                    .pixel = pixel,
                    .line = conv_.stride_h * row,
                    .step = conv_.stride_w * pixel,
                    .image = padded.height * row,
                    .images = images,
                    .lines = conv_.out_h,
                    .count = conv_.out_w};
    if (!holds_pixels()) {
      for (int64_t c = 0; c < pixel; c += 64, all.x += 64)
        windows_to_codes(all, *packed_, map, c, std::min<int64_t>(64, pixel - c), y + c, to_line,
                         pixel);
      return;
    }
    const int64_t whole = to_line / 64 * 64;
    all.step = 64;
    all.count = whole / 64;
    windows_to_codes(all, *packed_, map, 0, 64, y, to_line, 64);
    all.x += whole;
    all.count = whole < to_line ? 1 : 0;
    windows_to_codes(all, *packed_, map, 0, to_line - whole, y + whole, to_line, 64);
  }

  const ImageWindow window_;
  std::vector<float> weight_;            // code - zero_point
  std::optional<PackedWindows> packed_;  // for bytes
};

void check_weight(const ProductCodes& codes, const float* weight) {
  const auto columns = static_cast<int64_t>(codes.weight_grids.size());
  for (int64_t i = 0; i < std::ssize(codes.weight); ++i) {
    const CodeGrid& grid = codes.weight_grids[i % columns];
    const float value = static_cast<float>(codes.weight[i] - grid.zero_point) * grid.scale;
    if (value != weight[i])
      throw_error<Error>("value {} of a weight is {}, but its code says {}", i, weight[i], value);
  }
}

}  // namespace

CodeSums::CodeSums(const Convolution& conv, const ProductCodes& codes)
    : conv_(conv), input_(codes.input) {
  for (const CodeGrid& grid : codes.weight_grids)
    scale_.push_back(double{codes.input.scale} * double{grid.scale});
}

SumMap CodeSums::map(const float* bias, const Ends& ends) const {
  SumMap out{scale_, std::vector<double>(scale_.size()), ends};
  if (bias) std::copy_n(bias, scale_.size(), out.shift.begin());
  out.scale.resize((scale_.size() + 15) / 16 * 16);
  out.shift.resize(out.scale.size());
  return out;
}

std::unique_ptr<CodeSums> make_code_sums(const Convolution& conv, const ProductCodes& codes,
                                         const float* weight) {
  const CodeGrid& input = codes.input;
  const bool holds_zero = input.zero_point >= input.lowest && input.zero_point <= input.highest;
  if (!are_bytes(codes) || (conv.has_padding() && !holds_zero)) return nullptr;
  check_weight(codes, weight);
  const int64_t most = largest_sum(conv, codes);
  if (conv.is_depthwise())
    return most < int64_t{1} << 24 ? std::make_unique<DepthwiseSums>(conv, codes) : nullptr;
  if (conv.groups > 1 || most > std::numeric_limits<int32_t>::max()) return nullptr;
  return std::make_unique<ByteSums>(conv, codes);
}

int64_t code_scratch_floats(const Convolution& conv, int64_t images) {
  if (conv.is_depthwise()) return DepthwiseSums::scratch_floats(conv, images);
  return conv.groups > 1 ? 0 : byte_floats(PaddedImages(conv, {}).bytes(images));
}

}  // namespace quantdyn
