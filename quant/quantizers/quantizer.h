// Quantizers: from ranges to codes, and from codes back to values; not necessarily affine.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "framework/config/registry.h"
#include "framework/graph/code_grid.h"
#include "quant/quantizers/distribution.h"
#include "quant/quantizers/range.h"

namespace quantdyn {

/// The code that Quantization::codes gives a NaN.
inline constexpr int32_t no_code = std::numeric_limits<int32_t>::min();

/// value = scale (code - zero_point).
struct AffineParameters {
  float scale;
  int32_t zero_point;
  bool is_widened = false;  ///< the scale is what FittingTask::least_scales asks for
};

/// What a scheme acts on; logits are the activations of a net's last node.
enum class TensorKind { weight, activation, logits };

/// One tensor, as a quantizer is fitted to it.
struct FittingTask {
  std::string tensor;  ///< "dw2/weight": for errors, and the name of its random stream
  int64_t channels;
  std::vector<Range> ranges;         ///< by entry of the quantizer's granularity
  std::vector<Distribution> values;  ///< likewise, where Quantizer::needs_values()
  /// Likewise, of a weight with int32 biases: what a scale must not be under for them (least_scales
  /// in integer_bias.h). `affine` with `widen_for_bias` heeds them; empty: none.
  std::vector<double> least_scales = {};
  /// Likewise: scales and zero points that `affine` takes as they are, from another tool; the
  /// ranges are those that they cover. Empty: it is fitted to the ranges.
  std::vector<AffineParameters> given = {};
};

/// A quantizer fitted to one tensor: immutable, used by all workers at once.
///
/// As a Transform it replaces values by the values of their codes; a NaN stays a NaN, infinities
/// saturate (unless the scheme has codes for them). An entry is a set of levels: there is one, or
/// one for each channel or group of channels.
class Quantization : public CodeTransform {
 public:
  Quantization(const Granularity& granularity, int64_t channels)
      : granularity_(granularity), entries_(granularity.entries(channels)) {}

  int64_t entries() const { return entries_; }
  /// The entry that holds a channel.
  int64_t entry_of(int64_t channel) const { return granularity_.entry_of(channel); }

  virtual int bit_width() const = 0;
  std::optional<CodeGrid> grid() const override;
  /// Entry i is the value of code first_code() + i, 2^bit_width of them; NaN for codes never given.
  virtual std::vector<float> levels(int64_t entry) const = 0;
  /// The first and the last code that is given.
  std::pair<int32_t, int32_t> given_codes(int64_t entry) const;
  /// The smallest code: 0, or -2^(bit_width - 1) where codes are signed.
  virtual int32_t first_code() const = 0;
  /// Scale and zero point, if the scheme is affine.
  virtual std::optional<AffineParameters> affine(int64_t entry) const {
    static_cast<void>(entry);
    return {};
  }
  /// Whether the entry's range was too narrow for the scheme (without any width, for example) and
  /// the scheme's documented smallest scale was used instead.
  virtual bool at_smallest_scale(int64_t entry) const = 0;

 private:
  Granularity granularity_;
  int64_t entries_;
};

/// A scheme with its options, checked; fits itself to ranges.
class Quantizer {
 public:
  virtual ~Quantizer() = default;
  virtual int bit_width() const = 0;
  virtual Granularity granularity() const = 0;
  /// The width that the scheme must span to cover `range`, for channel precision (stats/README.md):
  /// max - min, widened to zero where the scheme does; symmetric 2 max|x|.
  virtual double width(const Range& range) const = 0;
  /// Whether values are scale (code - zero_point), evenly spaced.
  virtual bool is_affine() const { return false; }
  /// Whether fit() needs FittingTask::values.
  virtual bool needs_values() const { return false; }
  /// Why the scheme cannot act on such tensors; "" if it can.
  virtual std::string refusal(TensorKind kind) const {
    static_cast<void>(kind);
    return "";
  }
  /// Throws Error for ranges that it cannot cover.
  virtual std::unique_ptr<Quantization> fit(const FittingTask& task) const = 0;
};

using QuantizerRegistry = Registry<Quantizer>;

}  // namespace quantdyn
