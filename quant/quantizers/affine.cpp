// affine: q = clamp(round(x / s) + z), value = s (q - z); asymmetric, or symmetric with z = 0.
//
// Jacob et al. 2018 (arXiv 1712.05877), equation 1; the conventions on which toolkits differ are
// options.

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include "framework/graph/copying_transform.h"
#include "quant/quantizers/affine_fit.h"
#include "quant/quantizers/quantizer.h"

namespace quantdyn {
namespace {

class AffineQuantization : public Quantization, public CopyingTransform {
 public:
  /// `grid` has its scales and zero points still to be filled from the entries'; its codes are
  /// `shift` larger than those that are given.
  AffineQuantization(const AffineOptions& options, const FittingTask& task,
                     const AffineCodes& given, AffineGrid grid, std::vector<AffineEntry> by_entry,
                     int32_t shift)
      : Quantization(options.granularity, task.channels),
        bit_width_(options.bit_width),
        given_(given),
        shift_(shift),
        grid_(std::move(grid)),
        by_entry_(std::move(by_entry)) {
    for (int64_t i = 0; i < (entries() > 1 ? task.channels : 1); ++i) {
      const AffineEntry& entry = by_entry_[entry_of(i)];
      grid_.scale.push_back(entry.scale);
      grid_.reciprocal.push_back(1 / entry.scale);
      grid_.zero_point.push_back(entry.zero_point + static_cast<float>(shift));
    }
  }

  void apply(const MutableTile& tile) const override { affine_apply(grid_, tile); }
  void apply_to(const Tile& from, float* to) const override { affine_apply_to(grid_, from, to); }
  std::optional<CodeGrid> grid() const override {
    return grid_.draws ? std::nullopt : Quantization::grid();
  }
  void codes(const Tile& tile, int32_t* codes) const override {
    affine_codes(grid_, tile, no_code, codes);
    if (shift_ == 0) return;
    for (int64_t i = 0; i < tile.rows * tile.channels; ++i)
      if (codes[i] != no_code) codes[i] -= shift_;
  }
  std::vector<float> levels(int64_t entry) const override {
    std::vector<float> out(size_t{1} << bit_width_, std::numeric_limits<float>::quiet_NaN());
    for (int32_t code = given_.lowest; code <= given_.highest; ++code)
      out[code - given_.first] =
          (static_cast<float>(code) - by_entry_[entry].zero_point) * by_entry_[entry].scale;
    return out;
  }
  int bit_width() const override { return bit_width_; }
  int32_t first_code() const override { return given_.first; }
  std::optional<AffineParameters> affine(int64_t entry) const override {
    return AffineParameters{by_entry_[entry].scale,
                            static_cast<int32_t>(by_entry_[entry].zero_point),
                            by_entry_[entry].is_widened};
  }
  bool at_smallest_scale(int64_t entry) const override { return by_entry_[entry].at_smallest; }

 private:
  int bit_width_;
  AffineCodes given_;
  int32_t shift_;
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
    const Range covered = covered_range(options_, range);
    return options_.is_symmetric ? 2 * std::max(std::abs(covered.low), std::abs(covered.high))
                                 : covered.high - covered.low;
  }
  std::string refusal(TensorKind kind) const override;
  std::unique_ptr<Quantization> fit(const FittingTask& task) const override;

 private:
  bool gives_signed_codes(const std::vector<Range>& ranges) const {
    if (options_.signedness != Signedness::automatic) return options_.signedness == Signedness::yes;
    return std::ranges::any_of(ranges, [](const Range& range) { return range.low < 0; });
  }

  AffineOptions options_;
};

std::string Affine::refusal(TensorKind kind) const {
  const bool is_free = options_.profile == Profile::none || options_.profile == Profile::aimet;
  if (kind == TensorKind::weight || options_.granularity.is_per_tensor() || is_free) return "";
  return fmt::format(
      "profile {} has no kernels for activations with a scale for each channel or group; accepted: "
      "granularity: per_tensor, or profile: none",
      to_string(options_.profile));
}

std::unique_ptr<Quantization> Affine::fit(const FittingTask& task) const {
  const AffineCodes given(options_, gives_signed_codes(task.ranges));
  const int32_t shift = options_.order == Order::shift_then_round ? -given.first : 0;
  AffineGrid grid{.rounding = options_.rounding,
                  .order = options_.order == Order::round_then_add ? ZeroPointOrder::round_then_add
                                                                   : ZeroPointOrder::add_then_round,
                  .scaling = options_.scaling,
                  .lowest_code = given.lowest + shift,
                  .highest_code = given.highest + shift,
                  .scale = {},
                  .reciprocal = {},
                  .zero_point = {},
                  .draws = {}};
  if (options_.rounding == Rounding::stochastic)
    grid.draws =
        Draws{Rng(options_.seed).fork("stochastic rounding").fork(task.tensor), task.channels};
  std::vector<AffineEntry> entries;
  const bool is_widened = options_.widens_for_bias && !task.least_scales.empty();
  for (const AffineParameters& as : task.given)
    entries.push_back({as.scale, static_cast<float>(as.zero_point), false, false});
  for (size_t i = task.given.size(); i < task.ranges.size(); ++i)
    entries.push_back(fit_affine(options_, given, task.ranges[i],
                                 is_widened ? task.least_scales[i] : 0, task.tensor));
  return std::make_unique<AffineQuantization>(options_, task, given, std::move(grid),
                                              std::move(entries), shift);
}

std::unique_ptr<Quantizer> make(const Options& options) {
  return std::make_unique<Affine>(AffineOptions::read(options));
}

const Registered<Quantizer> affine{"affine", "evenly spaced levels, by scale and zero point", make};

}  // namespace
}  // namespace quantdyn
