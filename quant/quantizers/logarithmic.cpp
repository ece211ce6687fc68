// logarithmic: 0 and +-L b^-i, i = 0, 1, 2 ..., with base b = 2 or sqrt 2: a sign and an exponent.
//
// Miyashita et al. 2016 (arXiv 1603.01025), section 3.1, where L is the power of two nearest to the
// range's end in the logarithm, and values are rounded there too.

#include <bit>
#include <cmath>
#include <limits>
#include <memory>
#include <utility>

#include "quant/kernels/kernels_log.h"
#include "quant/quantizers/affine_options.h"
#include "quant/quantizers/quantizer.h"

namespace quantdyn {
namespace {

enum class Base { two, sqrt2 };
/// The threshold between neighbours: their geometric or their arithmetic mean.
enum class Domain { logarithmic, linear };
enum class Underflow { zero, smallest };

struct LogOptions {
  int bit_width;
  Granularity granularity = Granularity::per_tensor();
  Base base;
  Signedness signedness;
  Domain rounding;
  Underflow underflow;
  PowerOfTwo power_of_two;
  double smallest_scale;
};

constexpr double sqrt_half = 0.70710678118654752440;

double largest_size(const Range& range) {
  return std::max(std::abs(range.low), std::abs(range.high));
}

/// The bits of the smallest float that is not below a positive value.
int32_t bits_from(double value) {
  const auto nearest = static_cast<float>(value);
  return std::bit_cast<int32_t>(nearest) + (nearest < value ? 1 : 0);
}

/// The two topmost levels and thresholds, and how far down levels are at least 2^-125.
LogGrid::Column column_for(const LogOptions& options, float largest, int32_t levels) {
  const double l = largest;
  const double ratio = options.base == Base::two ? 0.5 : sqrt_half;
  const float level[] = {largest, static_cast<float>(l * ratio),
                         static_cast<float>(l * ratio * ratio)};
  LogGrid::Column out{};
  for (size_t i = 0; i < 2; ++i) {
    out.level[i] = std::bit_cast<int32_t>(level[i]);
    out.threshold[i] = bits_from(options.rounding == Domain::linear
                                     ? (double{level[i]} + double{level[i + 1]}) / 2
                                     : l * std::pow(ratio, static_cast<double>(i) + 0.5));
  }
  const int top = std::ilogb(level[0]) + 125, next = std::ilogb(level[1]) + 125;  // octaves left
  const int steps = options.base == Base::two ? top : 2 * top + (next == top ? 1 : 0);
  out.lowest = std::max(1, levels - steps);
  return out;
}

class LogQuantization : public Quantization {
 public:
  /// `by_entry` has a column for each entry.
  LogQuantization(const LogOptions& options, int64_t channels, LogGrid by_entry,
                  std::vector<bool> at_smallest)
      : Quantization(options.granularity, channels),
        bit_width_(options.bit_width),
        by_entry_(std::move(by_entry)),
        grid_(by_entry_),
        at_smallest_(std::move(at_smallest)) {
    if (entries() == 1) return;
    grid_.level = grid_.threshold = {};
    grid_.lowest = {};
    for (int64_t c = 0; c < channels; ++c) {
      const int64_t e = entry_of(c);
      grid_.push_back({{by_entry_.level[0][e], by_entry_.level[1][e]},
                       {by_entry_.threshold[0][e], by_entry_.threshold[1][e]},
                       by_entry_.lowest[e]});
    }
  }

  void apply(const MutableTile& tile) const override { log_apply(grid_, tile); }
  void codes(const Tile& tile, int32_t* codes) const override {
    log_codes(grid_, tile, no_code, codes);
  }
  std::vector<float> levels(int64_t entry) const override {
    std::vector<float> out(size_t{1} << bit_width_, std::numeric_limits<float>::quiet_NaN());
    out[-first_code()] = 0;
    for (int32_t size = by_entry_.lowest[entry]; size <= by_entry_.levels; ++size) {
      out[size - first_code()] = by_entry_.level_of(entry, size);
      if (by_entry_.is_signed) out[-size - first_code()] = -by_entry_.level_of(entry, size);
    }
    return out;
  }
  int bit_width() const override { return bit_width_; }
  int32_t first_code() const override { return by_entry_.is_signed ? -(1 << (bit_width_ - 1)) : 0; }
  bool at_smallest_scale(int64_t entry) const override { return at_smallest_[entry]; }

 private:
  int bit_width_;
  LogGrid by_entry_, grid_;
  std::vector<bool> at_smallest_;
};

class Logarithmic : public Quantizer {
 public:
  explicit Logarithmic(const LogOptions& options) : options_(options) {}

  int bit_width() const override { return options_.bit_width; }
  Granularity granularity() const override { return options_.granularity; }
  double width(const Range& range) const override { return 2 * largest_size(range); }
  std::unique_ptr<Quantization> fit(const FittingTask& task) const override;

 private:
  LogOptions options_;
};

std::unique_ptr<Quantization> Logarithmic::fit(const FittingTask& task) const {
  const bool goes_below =
      std::ranges::any_of(task.ranges, [](const Range& range) { return range.low < 0; });
  LogGrid grid;
  grid.families = options_.base == Base::two ? 1 : 2;
  grid.is_signed = options_.signedness == Signedness::yes ||
                   (options_.signedness == Signedness::automatic && goes_below);
  if (goes_below && !grid.is_signed)
    throw_error<Error>(
        "{}: a range goes below 0, where unsigned codes have no values; accepted: ranges "
        "from 0 up, or signed: auto",
        task.tensor);
  grid.levels = (1 << (options_.bit_width - (grid.is_signed ? 1 : 0))) - 1;
  grid.rounds_to_zero = options_.underflow == Underflow::zero;
  std::vector<bool> at_smallest;
  for (const Range& range : task.ranges) {
    const double size = largest_size(range);
    at_smallest.push_back(size < options_.smallest_scale);
    const auto largest = static_cast<float>(
        rounded_to_power_of_two(std::max(size, options_.smallest_scale), options_.power_of_two));
    if (!std::isfinite(largest))
      throw_error<Error>(
          "{}: range [{}, {}] has no power of two above it; accepted: ends up to 2^127",
          task.tensor, range.low, range.high);
    grid.push_back(column_for(options_, largest, grid.levels));
  }
  return std::make_unique<LogQuantization>(options_, task.channels, std::move(grid),
                                           std::move(at_smallest));
}

std::unique_ptr<Quantizer> make(const Options& options) {
  LogOptions out;
  out.bit_width = static_cast<int>(options.integer("bit_width", 4, accept::between<int64_t>(2, 8),
                                                   "bits of a code, including its sign"));
  out.granularity = Granularity::read(options);
  out.base = options.choice<Base>("base", Base::two, {{"2", Base::two}, {"sqrt2", Base::sqrt2}},
                                  "ratio of neighbouring levels");
  out.signedness = options.choice<Signedness>(
      "signed", Signedness::yes,
      {{"true", Signedness::yes}, {"false", Signedness::no}, {"auto", Signedness::automatic}},
      "codes have a sign bit; auto: not if no range goes below 0");
  out.rounding =
      options.choice<Domain>("rounding", Domain::logarithmic,
                             {{"logarithmic", Domain::logarithmic}, {"linear", Domain::linear}},
                             "to the nearest exponent, or to the nearest level; ties go up");
  out.underflow = options.choice<Underflow>(
      "underflow", Underflow::zero, {{"zero", Underflow::zero}, {"smallest", Underflow::smallest}},
      "what nonzero values become that round to less than the smallest level");
  out.power_of_two = read_power_of_two(options, PowerOfTwo::nearest,
                                       "the largest level is a power of 2, or max|x| itself");
  out.smallest_scale =
      options.number("smallest_scale", 0x1p-23, accept::between<double>(0x1p-100, 1),
                     "used instead of max|x| for ranges that end below it, which are reported");
  options.finish();
  return std::make_unique<Logarithmic>(out);
}

const Registered<Quantizer> logarithmic{"logarithmic", "powers of 2 or sqrt 2, and 0", make};

}  // namespace
}  // namespace quantdyn
