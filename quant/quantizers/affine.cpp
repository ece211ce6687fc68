// affine: q = clamp(round(x / s) + z), value = s (q - z); asymmetric, or symmetric with z = 0.
//
// Jacob et al. 2018 (arXiv 1712.05877), equation 1; the conventions on which toolkits differ are
// options.

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
  Granularity granularity = Granularity::per_tensor();
  bool is_symmetric, is_signed, is_restricted, is_widened;
  Divisor divisor;
  double smallest_scale;
  Rounding rounding;
  ZeroPointOrder order;
  Scaling scaling;

  int32_t first_code() const { return is_signed ? -(1 << (bit_width - 1)) : 0; }
};

/// What an entry got.
struct AffineEntry {
  float scale, zero_point;
  bool at_smallest;
};

class AffineQuantization : public Quantization {
 public:
  /// `grid` has its scales and zero points still to be filled from the entries'.
  AffineQuantization(const AffineOptions& options, int64_t channels, AffineGrid grid,
                     std::vector<AffineEntry> by_entry)
      : Quantization(options.granularity, channels),
        bit_width_(options.bit_width),
        first_code_(options.first_code()),
        grid_(std::move(grid)),
        by_entry_(std::move(by_entry)) {
    for (int64_t i = 0; i < (entries() > 1 ? channels : 1); ++i) {
      const AffineEntry& entry = by_entry_[entry_of(i)];
      grid_.scale.push_back(entry.scale);
      grid_.reciprocal.push_back(1 / entry.scale);
      grid_.zero_point.push_back(entry.zero_point);
    }
  }

  void apply(const MutableTile& tile) const override { affine_apply(grid_, tile); }
  void codes(const Tile& tile, int32_t* codes) const override {
    for (int64_t r = 0; r < tile.rows; ++r)
      for (int64_t c = 0; c < tile.channels; ++c) {
        const float x = tile.values[r * tile.row_stride + c];
        const int64_t place = grid_.is_per_channel() ? tile.first_channel + c : 0;
        codes[r * tile.channels + c] =
            std::isnan(x) ? no_code : static_cast<int32_t>(affine_code(grid_, place, x));
      }
  }
  std::vector<float> levels(int64_t entry) const override {
    std::vector<float> out(size_t{1} << bit_width_, std::numeric_limits<float>::quiet_NaN());
    for (int32_t code = grid_.lowest_code; code <= grid_.highest_code; ++code)
      out[code - first_code_] =
          (static_cast<float>(code) - by_entry_[entry].zero_point) * by_entry_[entry].scale;
    return out;
  }
  int bit_width() const override { return bit_width_; }
  int32_t first_code() const override { return first_code_; }
  std::optional<AffineParameters> affine(int64_t entry) const override {
    return AffineParameters{by_entry_[entry].scale,
                            static_cast<int32_t>(by_entry_[entry].zero_point)};
  }
  bool at_smallest_scale(int64_t entry) const override { return by_entry_[entry].at_smallest; }

 private:
  int bit_width_;
  int32_t first_code_;
  AffineGrid grid_;
  std::vector<AffineEntry> by_entry_;
};

class Affine : public Quantizer {
 public:
  explicit Affine(const AffineOptions& options) : options_(options) {}

  int bit_width() const override { return options_.bit_width; }
  Granularity granularity() const override { return options_.granularity; }
  bool is_affine() const override { return true; }
  double width(const Range& range) const override {
    const Range covered = this->covered(range);
    return options_.is_symmetric ? 2 * largest(covered) : covered.high - covered.low;
  }
  std::unique_ptr<Quantization> fit(const FittingTask& task) const override;

 private:
  AffineEntry fit_one(const Range& range, int32_t lowest_code, int32_t highest_code) const;
  Range covered(const Range& range) const {
    return options_.is_widened ? widened_to_zero(range) : range;
  }
  static double largest(const Range& range) {
    return std::max(std::abs(range.low), std::abs(range.high));
  }

  AffineOptions options_;
};

std::unique_ptr<Quantization> Affine::fit(const FittingTask& task) const {
  const int32_t first_code = options_.first_code();
  AffineGrid grid{.rounding = options_.rounding,
                  .order = options_.order,
                  .scaling = options_.scaling,
                  .lowest_code = first_code + (options_.is_restricted ? 1 : 0),
                  .highest_code = first_code + (1 << options_.bit_width) - 1,
                  .scale = {},
                  .reciprocal = {},
                  .zero_point = {}};
  std::vector<AffineEntry> entries;
  for (const Range& range : task.ranges)
    entries.push_back(fit_one(range, grid.lowest_code, grid.highest_code));
  return std::make_unique<AffineQuantization>(options_, task.channels, std::move(grid),
                                              std::move(entries));
}

AffineEntry Affine::fit_one(const Range& range, int32_t lowest_code, int32_t highest_code) const {
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
  AffineOptions out;
  out.bit_width =
      static_cast<int>(options.integer("bit_width", 8, between<int64_t>(2, 16), "bits of a code"));
  out.granularity = Granularity::read(options);
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
