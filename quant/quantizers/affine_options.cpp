#include "quant/quantizers/affine_options.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace quantdyn {
namespace {

/// What a profile sets: the defaults of the options with these names. The values here are those of
/// Profile::none.
struct Conventions {
  Divisor divisor = Divisor::highest_code;
  Narrow narrow = Narrow::smallest_scale;
  double smallest_scale = 0x1p-23;
  Precision scale_precision = Precision::float32;
  ZeroPointFormula zero_point_formula = ZeroPointFormula::round_then_subtract;
  Rounding rounding = Rounding::half_to_even;  // of zero points too
  Order order = Order::round_then_add;
  Scaling scaling = Scaling::divide;
  Signedness symmetric_codes = Signedness::yes, asymmetric_codes = Signedness::no;
  bool widens_for_bias = false;
  std::vector<int> restricted_widths = {};  // where symmetric
  std::vector<int> widths = {};             // that the toolkit has; empty: all
};

// README.md has the versions and sources.
Conventions conventions_of(Profile profile) {
  switch (profile) {
    case Profile::none:
      return {};
    case Profile::torch:
      return {.divisor = Divisor::half_span, .scaling = Scaling::reciprocal};
    case Profile::onnx:
      return {.divisor = Divisor::half_span,
              .narrow = Narrow::scale_of_one,
              .smallest_scale = 0x1p-126,
              .scale_precision = Precision::float64,
              .zero_point_formula = ZeroPointFormula::subtract_then_round,
              .restricted_widths = {8, 16},
              .widths = {4, 8, 16}};
    case Profile::tflite:
      return {.narrow = Narrow::widen,
              .zero_point_formula = ZeroPointFormula::subtract_then_round,
              .rounding = Rounding::half_away_from_zero,
              .asymmetric_codes = Signedness::yes,
              .widens_for_bias = true,
              .restricted_widths = {8},
              .widths = {8, 16}};
    case Profile::aimet:
      return {.divisor = Divisor::each_side,
              .scale_precision = Precision::float64,
              .rounding = Rounding::half_away_from_zero,
              .order = Order::shift_then_round,
              .symmetric_codes = Signedness::automatic};
  }
  return {};
}

bool holds(const std::vector<int>& widths, int width) {
  return std::ranges::find(widths, width) != widths.end();
}

Profile read_profile(const Options& options) {
  return options.choice<Profile>("profile", Profile::none,
                                 {{"none", Profile::none},
                                  {"torch", Profile::torch},
                                  {"onnx", Profile::onnx},
                                  {"tflite", Profile::tflite},
                                  {"aimet", Profile::aimet}},
                                 "toolkit whose conventions set the defaults of the other options");
}

void read_codes(const Options& options, const Conventions& defaults, AffineOptions& out) {
  out.bit_width = static_cast<int>(
      options.integer("bit_width", 8, accept::between<int64_t>(2, 16), "bits of a code"));
  out.granularity = Granularity::read(options);
  out.is_symmetric = options.flag("symmetric", false, "zero point 0, range [-max|x|, max|x|]");
  out.signedness = options.choice<Signedness>(
      "signed", out.is_symmetric ? defaults.symmetric_codes : defaults.asymmetric_codes,
      {{"true", Signedness::yes}, {"false", Signedness::no}, {"auto", Signedness::automatic}},
      "codes start at -2^(bits - 1) instead of 0; default: as `symmetric`; auto (symmetric only): "
      "at 0 if no range goes below 0");
  out.is_restricted = options.flag(
      "restricted_range", out.is_symmetric && holds(defaults.restricted_widths, out.bit_width),
      "the lowest code is not used (symmetric and signed only)");
}

void read_scale(const Options& options, const Conventions& defaults, AffineOptions& out) {
  out.is_widened =
      options.flag("widen_to_zero", true, "widen a range without 0 so that it holds 0");
  out.widens_for_bias = options.flag(
      "widen_for_bias", defaults.widens_for_bias,
      "of a weight with int32 biases: widen its scale until no bias is over 2^30 - 1 steps");
  out.divisor = options.choice<Divisor>(
      "symmetric_divisor", defaults.divisor,
      {{"highest_code", Divisor::highest_code},
       {"half_span", Divisor::half_span},
       {"each_side", Divisor::each_side}},
      "at 8 bits a symmetric scale is max|x| / 127, max|x| / 127.5, or the larger of max / 127 and "
      "-min / 128");
  out.narrow =
      options.choice<Narrow>("narrow", defaults.narrow,
                             {{"smallest_scale", Narrow::smallest_scale},
                              {"scale_of_one", Narrow::scale_of_one},
                              {"add_smallest_scale", Narrow::add_smallest_scale},
                              {"widen", Narrow::widen}},
                             "what happens to a range whose scale would be below `smallest_scale` "
                             "or, with widen, that is no wider than `smallest_width`");
  out.smallest_scale = options.number("smallest_scale", defaults.smallest_scale,
                                      accept::between<double>(0x1p-126, 1),
                                      "ranges whose scale would be smaller are reported");
  out.smallest_width = options.number("smallest_width", 1e-6, accept::between<double>(0x1p-100, 1),
                                      "added at both ends of a range that is no wider");
  out.scale_precision = options.choice<Precision>(
      "scale_precision", defaults.scale_precision,
      {{"float32", Precision::float32}, {"float64", Precision::float64}},
      "in which scale and zero point are computed; then the scale is rounded to float32");
  out.power_of_two = read_power_of_two(options, PowerOfTwo::none, "the scale becomes a power of 2");
}

void read_rounding(const Options& options, const Conventions& defaults, AffineOptions& out) {
  const std::initializer_list<std::pair<const char*, Rounding>> to_nearest = {
      {"half_to_even", Rounding::half_to_even},
      {"half_away_from_zero", Rounding::half_away_from_zero}};
  out.rounding = options.choice<Rounding>(
      "rounding", defaults.rounding,
      {{"half_to_even", Rounding::half_to_even},
       {"half_away_from_zero", Rounding::half_away_from_zero},
       {"stochastic", Rounding::stochastic}},
      "how ties are rounded; stochastic: up with the probability of the fraction");
  out.seed = static_cast<uint64_t>(
      options.integer("seed", 0, accept::at_least<int64_t>(0), "seed of stochastic rounding"));
  const bool is_drawn = out.rounding == Rounding::stochastic;
  out.order = options.choice<Order>("order", is_drawn ? Order::round_then_add : defaults.order,
                                    {{"round_then_add", Order::round_then_add},
                                     {"add_then_round", Order::add_then_round},
                                     {"shift_then_round", Order::shift_then_round}},
                                    "round(x / s) + z; round(x / s + z); or the latter with "
                                    "signed codes shifted to start at 0 while they are rounded");
  out.scaling =
      options.choice<Scaling>("scaling", defaults.scaling,
                              {{"divide", Scaling::divide}, {"reciprocal", Scaling::reciprocal}},
                              "x / s, or x times the float32 nearest to 1 / s");
  out.zero_point_formula = options.choice<ZeroPointFormula>(
      "zero_point", defaults.zero_point_formula,
      {{"round_then_subtract", ZeroPointFormula::round_then_subtract},
       {"subtract_then_round", ZeroPointFormula::subtract_then_round}},
      "lowest code - round(low / s), or round(lowest code - low / s)");
  const bool is_as_rounding = !is_drawn && options.has("rounding");
  out.zero_point_rounding = options.choice<Rounding>(
      "zero_point_rounding", is_as_rounding ? out.rounding : defaults.rounding, to_nearest,
      "how ties are rounded; default: as `rounding`");
}

void check_symmetry(const Options& options, const AffineOptions& out) {
  if (!out.is_symmetric) {
    options.leave_out("symmetric_divisor", "needs symmetric: true");
    if (out.signedness == Signedness::automatic)
      options.refuse("signed", "auto needs symmetric: true; accepted here: true, false");
    return;
  }
  for (const char* key : {"widen_to_zero", "zero_point", "zero_point_rounding"})
    options.leave_out(key, "has no meaning with symmetric: true");
  if (out.order == Order::add_then_round)
    options.refuse("order",
                   "add_then_round has no meaning with symmetric: true, whose zero point "
                   "is 0; accepted: round_then_add, shift_then_round");
  if (out.is_restricted && out.signedness == Signedness::no)
    options.refuse("restricted_range",
                   "would leave out 0, the lowest of unsigned symmetric codes; accepted: false");
  if (out.signedness == Signedness::no)
    options.leave_out("symmetric_divisor", "unsigned symmetric scales divide by the highest code");
}

void check_profile(const Options& options, const AffineOptions& out, const Conventions& defaults) {
  const std::string name = to_string(out.profile);
  if (!defaults.widths.empty() && !holds(defaults.widths, out.bit_width))
    options.refuse("bit_width", fmt::format("{} is not a width of profile: {}; accepted: {}",
                                            out.bit_width, name, fmt::join(defaults.widths, ", ")));
  if (out.profile == Profile::tflite && out.bit_width == 16 && !out.is_symmetric)
    options.refuse("symmetric",
                   "profile: tflite has only symmetric codes of 16 bits, found false; "
                   "accepted: true");
}

void check_rest(const Options& options, const AffineOptions& out) {
  if (out.rounding == Rounding::stochastic) {
    if (out.order != Order::round_then_add)
      options.refuse("order", "has no meaning with rounding: stochastic; accepted: round_then_add");
  } else {
    options.leave_out("seed", "needs rounding: stochastic");
  }
  if (out.narrow == Narrow::widen)
    options.leave_out("smallest_scale", "has no meaning with narrow: widen");
  else
    options.leave_out("smallest_width", "needs narrow: widen");
}

}  // namespace

std::string to_string(Profile profile) {
  constexpr const char* names[] = {"none", "torch", "onnx", "tflite", "aimet"};
  return names[static_cast<int>(profile)];
}

PowerOfTwo read_power_of_two(const Options& options, PowerOfTwo fallback, std::string_view help) {
  return options.choice<PowerOfTwo>("power_of_two", fallback,
                                    {{"none", PowerOfTwo::none},
                                     {"ceil", PowerOfTwo::ceil},
                                     {"nearest", PowerOfTwo::nearest},
                                     {"floor", PowerOfTwo::floor}},
                                    help);
}

double rounded_to_power_of_two(double value, PowerOfTwo how) {
  if (how == PowerOfTwo::none) return value;
  int exponent = 0;
  const double fraction = std::frexp(value, &exponent);  // in [0.5, 1)
  const bool is_up = how == PowerOfTwo::ceil      ? fraction > 0.5
                     : how == PowerOfTwo::nearest ? fraction * fraction >= 0.5
                                                  : false;
  return std::ldexp(1.0, exponent - (is_up ? 0 : 1));
}

AffineOptions AffineOptions::read(const Options& options) {
  AffineOptions out;
  out.profile = read_profile(options);
  const Conventions defaults = conventions_of(out.profile);
  read_codes(options, defaults, out);
  read_scale(options, defaults, out);
  read_rounding(options, defaults, out);
  options.finish();
  check_symmetry(options, out);
  check_profile(options, out, defaults);
  check_rest(options, out);
  return out;
}

}  // namespace quantdyn
