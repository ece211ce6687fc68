// affine: q = clamp(round(x / s) + z), value = s (q - z); asymmetric, or symmetric with z = 0.
//
// Jacob et al. 2018 (arXiv 1712.05877), equation 1; the conventions on which toolkits differ are
// options.

#include <cassert>
#include <cmath>
#include <memory>
#include <utility>

#include "quant/kernels.h"
#include "quant/quantizer.h"

namespace quantdyn {
namespace {

/// What a symmetric scale divides max|x| by: 127 or 127.5 at 8 bits.
enum class Divisor { highest_code, half_span };

struct AffineOptions {
  int bit_width;
  Granularity granularity;
  bool is_symmetric, is_signed, is_restricted, is_widened;
  Divisor divisor;
  double smallest_scale;
  Rounding rounding;
  ZeroPointOrder order;
  Scaling scaling;
};

class AffineQuantization : public Quantization {
 public:
  AffineQuantization(int bit_width, int32_t first_code, AffineGrid grid,
                     std::vector<bool> at_smallest)
      : bit_width_(bit_width),
        first_code_(first_code),
        grid_(std::move(grid)),
        at_smallest_(std::move(at_smallest)) {}

  void apply(float* values, int64_t rows, int64_t channels, int64_t row_stride,
             int64_t first_channel) const override {
    affine_apply(grid_, values, rows, channels, row_stride, first_channel);
  }
  void codes(const float* values, int64_t rows, int64_t channels, int64_t row_stride,
             int64_t first_channel, int32_t* codes) const override {
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t c = 0; c < channels; ++c) {
        const float x = values[r * row_stride + c];
        codes[r * channels + c] =
            std::isnan(x)
                ? no_code
                : static_cast<int32_t>(affine_code(grid_, entry_of(first_channel + c), x));
      }
  }
  std::vector<float> levels(int64_t entry) const override {
    std::vector<float> out(size_t{1} << bit_width_, std::numeric_limits<float>::quiet_NaN());
    for (int32_t code = grid_.lowest_code; code <= grid_.highest_code; ++code)
      out[code - first_code_] =
          (static_cast<float>(code) - grid_.zero_point[entry]) * grid_.scale[entry];
    return out;
  }
  int bit_width() const override { return bit_width_; }
  int64_t entries() const override { return static_cast<int64_t>(grid_.scale.size()); }
  int32_t first_code() const override { return first_code_; }
  std::optional<AffineParameters> affine(int64_t entry) const override {
    return AffineParameters{grid_.scale[entry], static_cast<int32_t>(grid_.zero_point[entry])};
  }
  bool at_smallest_scale(int64_t entry) const override { return at_smallest_[entry]; }

 private:
  int bit_width_;
  int32_t first_code_;
  AffineGrid grid_;
  std::vector<bool> at_smallest_;
};

class Affine : public Quantizer {
 public:
  explicit Affine(const AffineOptions& options) : options_(options) {}

  int bit_width() const override { return options_.bit_width; }
  Granularity granularity() const override { return options_.granularity; }
  double width(const Range& range) const override {
    const Range covered = this->covered(range);
    return options_.is_symmetric ? 2 * largest(covered) : covered.high - covered.low;
  }
  std::unique_ptr<Quantization> fit(std::span<const Range> ranges) const override;

 private:
  struct Entry {
    float scale, zero_point;
    bool at_smallest;
  };
  Entry fit_one(const Range& range, int32_t lowest_code, int32_t highest_code) const;
  Range covered(const Range& range) const {
    return options_.is_widened ? widened_to_zero(range) : range;
  }
  static double largest(const Range& range) {
    return std::max(std::abs(range.low), std::abs(range.high));
  }

  AffineOptions options_;
};

std::unique_ptr<Quantization> Affine::fit(std::span<const Range> ranges) const {
  assert(!ranges.empty());
  const int32_t first_code = options_.is_signed ? -(1 << (options_.bit_width - 1)) : 0;
  AffineGrid grid{.rounding = options_.rounding,
                  .order = options_.order,
                  .scaling = options_.scaling,
                  .lowest_code = first_code + (options_.is_restricted ? 1 : 0),
                  .highest_code = first_code + (1 << options_.bit_width) - 1,
                  .scale = {},
                  .reciprocal = {},
                  .zero_point = {}};
  std::vector<bool> at_smallest;
  for (const Range& range : ranges) {
    const Entry entry = fit_one(range, grid.lowest_code, grid.highest_code);
    grid.scale.push_back(entry.scale);
    grid.reciprocal.push_back(1 / entry.scale);
    grid.zero_point.push_back(entry.zero_point);
    at_smallest.push_back(entry.at_smallest);
  }
  return std::make_unique<AffineQuantization>(options_.bit_width, first_code, std::move(grid),
                                              std::move(at_smallest));
}

Affine::Entry Affine::fit_one(const Range& range, int32_t lowest_code, int32_t highest_code) const {
  const Range covered = this->covered(range);
  const auto low = static_cast<float>(covered.low);
  const auto high = static_cast<float>(covered.high);
  const auto size = static_cast<float>(largest(covered));
  const auto steps = static_cast<float>(highest_code - lowest_code);
  const float divisor =
      options_.divisor == Divisor::half_span ? steps / 2 : static_cast<float>(highest_code);
  float scale = options_.is_symmetric ? size / divisor : (high - low) / steps;
  if (!std::isfinite(scale))
    fail<Error>("range [{}, {}] cannot be quantized; accepted: finite ends less than 3.4e38 apart",
                range.low, range.high);
  float smallest = static_cast<float>(options_.smallest_scale);
  // Zero points over 2^24 are no whole floats: only ranges that exclude zero come near.
  if (!options_.is_symmetric) smallest = std::max(smallest, size / 0x1p23f);
  const bool at_smallest = scale < smallest;
  if (at_smallest) scale = smallest;
  if (options_.is_symmetric) return {scale, 0, at_smallest};
  const float steps_below = low / scale;
  const float zero_point =
      static_cast<float>(lowest_code) - (options_.rounding == Rounding::half_to_even
                                             ? std::nearbyint(steps_below)
                                             : std::round(steps_below));
  return {scale, zero_point, at_smallest};
}

AffineOptions read(const Options& options) {
  AffineOptions out{};
  out.bit_width =
      static_cast<int>(options.integer("bit_width", 8, between<int64_t>(2, 16), "bits of a code"));
  out.granularity = read_granularity(options);
  out.is_symmetric = options.flag("symmetric", false, "zero point 0, range [-max|x|, max|x|]");
  out.is_signed = options.flag("signed", out.is_symmetric,
                               "codes from -2^(bits - 1) instead of 0; by default as `symmetric`");
  out.is_restricted = options.flag("restricted_range", false, "leave the lowest code out");
  out.is_widened = options.flag("widen_to_zero", true, "move the range's ends so that it holds 0");
  out.divisor = options.choice<Divisor>(
      "symmetric_divisor", Divisor::highest_code,
      {{"highest_code", Divisor::highest_code}, {"half_span", Divisor::half_span}},
      "a symmetric scale is max|x| over this: 127 or 127.5 at 8 bits");
  out.smallest_scale = options.number("smallest_scale", 0x1p-23, between<double>(0x1p-126, 1),
                                      "the scale of a range that asks for a smaller one (or has no "
                                      "width); such ranges are reported");
  out.rounding = options.choice<Rounding>("rounding", Rounding::half_to_even,
                                          {{"half_to_even", Rounding::half_to_even},
                                           {"half_away_from_zero", Rounding::half_away_from_zero}},
                                          "of ties");
  out.order = options.choice<ZeroPointOrder>("order", ZeroPointOrder::round_then_add,
                                             {{"round_then_add", ZeroPointOrder::round_then_add},
                                              {"add_then_round", ZeroPointOrder::add_then_round}},
                                             "round(x / s) + z, or round(x / s + z)");
  out.scaling =
      options.choice<Scaling>("scaling", Scaling::divide,
                              {{"divide", Scaling::divide}, {"reciprocal", Scaling::reciprocal}},
                              "x / s, or x times the float32 nearest to 1 / s");
  return out;
}

std::unique_ptr<Quantizer> make(const Options& options) {
  const AffineOptions read_options = read(options);
  options.finish();
  if (read_options.is_symmetric) {
    if (!read_options.is_signed)
      options.refuse("signed", "a symmetric scheme has signed codes, found false; accepted: true");
    for (const char* key : {"widen_to_zero", "order"})
      if (options.has(key))
        options.refuse(key, "has no meaning with symmetric: true; leave it out");
  } else if (options.has("symmetric_divisor")) {
    options.refuse("symmetric_divisor", "needs symmetric: true; leave it out");
  }
  return std::make_unique<Affine>(read_options);
}

const Registered<Quantizer> affine{"affine", "evenly spaced levels, by scale and zero point", make};

}  // namespace
}  // namespace quantdyn
