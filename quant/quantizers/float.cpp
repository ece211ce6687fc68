// float: the nearest number of a float format of few bits, ties to even; with or without a scale.
//
// Micikevicius et al. 2022 (arXiv 2209.05433) for e4m3 and e5m2; OCP MX 1.0 (2023) for e2m1, e2m3
// and e3m2.

#include <cmath>
#include <map>
#include <memory>
#include <utility>

#include "quant/kernels/kernels_float.h"
#include "quant/quantizers/affine_options.h"
#include "quant/quantizers/quantizer.h"

namespace quantdyn {
namespace {

enum class ScaleFrom { none, range };

struct SmallFloatOptions {
  FloatFormat format;
  Granularity granularity = Granularity::per_tensor();
  ScaleFrom scale_from;
  PowerOfTwo power_of_two;
  double smallest_scale;
};

double largest_size(const Range& range) {
  return std::max(std::abs(range.low), std::abs(range.high));
}

class FloatQuantization : public Quantization {
 public:
  /// `scales` are those of the entries; empty if the format is used without scales.
  FloatQuantization(const SmallFloatOptions& options, int64_t channels, std::vector<float> scales,
                    std::vector<bool> at_smallest)
      : Quantization(options.granularity, channels),
        grid_{options.format, {}},
        scales_(std::move(scales)),
        at_smallest_(std::move(at_smallest)) {
    if (scales_.empty()) return;
    for (int64_t i = 0; i < (entries() > 1 ? channels : 1); ++i)
      grid_.scale.push_back(scales_[entry_of(i)]);
  }

  void apply(const MutableTile& tile) const override { float_apply(grid_, tile); }
  void codes(const Tile& tile, int32_t* codes) const override {
    float_codes(grid_, tile, no_code, codes);
  }
  std::vector<float> levels(int64_t entry) const override {
    std::vector<float> out;
    for (int32_t code = 0; code < 1 << bit_width(); ++code)
      out.push_back(grid_.format.value(code) * (scales_.empty() ? 1 : scales_[entry]));
    return out;
  }
  int bit_width() const override { return grid_.format.bit_width(); }
  int32_t first_code() const override { return 0; }
  bool at_smallest_scale(int64_t entry) const override {
    return !scales_.empty() && at_smallest_[entry];
  }

 private:
  FloatGrid grid_;
  std::vector<float> scales_;
  std::vector<bool> at_smallest_;
};

class SmallFloat : public Quantizer {
 public:
  explicit SmallFloat(const SmallFloatOptions& options) : options_(options) {}

  int bit_width() const override { return options_.format.bit_width(); }
  Granularity granularity() const override { return options_.granularity; }
  double width(const Range& range) const override { return 2 * largest_size(range); }
  std::unique_ptr<Quantization> fit(const FittingTask& task) const override {
    std::vector<float> scales;
    std::vector<bool> at_smallest;
    if (options_.scale_from == ScaleFrom::range)
      for (const Range& range : task.ranges) {
        const double scale = largest_size(range) / options_.format.largest();
        at_smallest.push_back(scale < options_.smallest_scale);
        scales.push_back(static_cast<float>(rounded_to_power_of_two(
            std::max(scale, options_.smallest_scale), options_.power_of_two)));
      }
    return std::make_unique<FloatQuantization>(options_, task.channels, std::move(scales),
                                               std::move(at_smallest));
  }

 private:
  SmallFloatOptions options_;
};

enum class Format { e4m3, e5m2, e3m4, e2m1, e2m3, e3m2, float16, bfloat16, custom };

FloatFormat read_format(const Options& options) {
  const auto format = options.choice<Format>("format", Format::e4m3,
                                             {{"e4m3", Format::e4m3},
                                              {"e5m2", Format::e5m2},
                                              {"e3m4", Format::e3m4},
                                              {"e2m1", Format::e2m1},
                                              {"e2m3", Format::e2m3},
                                              {"e3m2", Format::e3m2},
                                              {"float16", Format::float16},
                                              {"bfloat16", Format::bfloat16},
                                              {"custom", Format::custom}},
                                             "exponent bits, mantissa bits and special codes");
  using enum SpecialCodes;
  const std::map<Format, FloatFormat> formats = {
      {Format::e4m3, {4, 3, 7, finite_nan}}, {Format::e5m2, {5, 2, 15, ieee}},
      {Format::e3m4, {3, 4, 3, ieee}},       {Format::e2m1, {2, 1, 1, none}},
      {Format::e2m3, {2, 3, 1, none}},       {Format::e3m2, {3, 2, 3, none}},
      {Format::float16, {5, 10, 15, ieee}},  {Format::bfloat16, {8, 7, 127, ieee}},
      {Format::custom, {4, 3, 7, ieee}}};
  FloatFormat out = formats.at(format);
  out.exponent_bits = static_cast<int>(options.integer("exponent_bits", out.exponent_bits,
                                                       accept::between<int64_t>(2, 8),
                                                       "exponent bits of format: custom"));
  out.mantissa_bits = static_cast<int>(options.integer("mantissa_bits", out.mantissa_bits,
                                                       accept::between<int64_t>(1, 13),
                                                       "mantissa bits of format: custom"));
  out.bias = static_cast<int>(options.integer("bias", (1 << (out.exponent_bits - 1)) - 1,
                                              accept::between<int64_t>(-100, 127),
                                              "exponent bias; default: as IEEE 754"));
  out.special = options.choice<SpecialCodes>(
      "special", out.special, {{"ieee", ieee}, {"finite_nan", finite_nan}, {"none", none}},
      "codes with all exponent bits set: infinity and NaNs; numbers and one NaN; "
      "or all numbers");
  out.saturates = options.flag("saturate", true,
                               "values above the largest number become it; false: infinity or NaN");
  for (const char* key : {"exponent_bits", "mantissa_bits"})
    if (format != Format::custom)
      options.leave_out(key, "needs format: custom");
    else if (!options.has(key))
      options.refuse(key, "missing; format: custom needs it");
  return out;
}

void check_format(const Options& options, const FloatFormat& format) {
  if (format.bit_width() > 16)
    options.refuse("mantissa_bits",
                   fmt::format("1 + {} + {} bits are {}; accepted: at most 16",
                               format.exponent_bits, format.mantissa_bits, format.bit_width()));
  if (!std::isfinite(format.largest()))
    options.refuse("bias", fmt::format("{} makes the largest number 2^128 or more; accepted: "
                                       "formats within float32",
                                       format.bias));
  if (!format.saturates && format.special == SpecialCodes::none)
    options.refuse("saturate",
                   "false needs codes for infinity or NaN, found special: none; "
                   "accepted: true");
}

std::unique_ptr<Quantizer> make(const Options& options) {
  SmallFloatOptions out;
  out.format = read_format(options);
  out.granularity = Granularity::read(options);
  out.scale_from = options.choice<ScaleFrom>(
      "scaling", ScaleFrom::none, {{"none", ScaleFrom::none}, {"range", ScaleFrom::range}},
      "none, or the scale that maps max|x| of a range to the largest number");
  out.power_of_two = read_power_of_two(options, PowerOfTwo::none, "the scale becomes a power of 2");
  out.smallest_scale =
      options.number("smallest_scale", 0x1p-126, accept::between<double>(0x1p-126, 1),
                     "used for ranges whose scale would be smaller, which are reported");
  options.finish();
  check_format(options, out.format);
  if (out.scale_from == ScaleFrom::none)
    for (const char* key : {"power_of_two", "smallest_scale", "granularity"})
      options.leave_out(key, "needs scaling: range");
  return std::make_unique<SmallFloat>(out);
}

const Registered<Quantizer> small_float{
    "float", "numbers of few exponent and mantissa bits, such as fp8", make};

}  // namespace
}  // namespace quantdyn
