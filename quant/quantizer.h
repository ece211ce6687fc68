// Quantizers: from ranges to codes, and from codes back to values; not necessarily affine.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "framework/registry.h"
#include "framework/tap.h"
#include "quant/range.h"

namespace quantdyn {

/// What Quantization::codes gives for a NaN.
inline constexpr int32_t no_code = std::numeric_limits<int32_t>::min();

/// value = scale (code - zero_point).
struct AffineParameters {
  float scale;
  int32_t zero_point;
};

/// A quantizer fitted to one tensor: immutable, used by all workers at once.
///
/// As a Transform it replaces values by what their codes stand for; a NaN stays a NaN, infinities
/// saturate. An entry is a set of levels: there is one, or one for each channel.
class Quantization : public Transform {
 public:
  virtual int bit_width() const = 0;
  virtual int64_t entries() const = 0;
  /// The entry that holds a channel.
  int64_t entry_of(int64_t channel) const { return entries() == 1 ? 0 : channel; }

  /// Codes of rows x channels values, packed: codes [rows, channels]; addressed as by apply().
  virtual void codes(const float* values, int64_t rows, int64_t channels, int64_t row_stride,
                     int64_t first_channel, int32_t* codes) const = 0;
  /// The value of code first_code() + i in place i, 2^bit_width of them; NaN for codes never given.
  virtual std::vector<float> levels(int64_t entry) const = 0;
  /// The code of the first level: 0, or -2^(bit_width - 1) where codes are signed.
  virtual int32_t first_code() const = 0;
  /// Scale and zero point, where the scheme is affine.
  virtual std::optional<AffineParameters> affine(int64_t entry) const = 0;
  /// Whether the entry's range was narrower than the scheme can follow (no width at all, say) and
  /// the scheme's documented smallest scale took over.
  virtual bool at_smallest_scale(int64_t entry) const = 0;
};

/// A scheme with its options, checked; fits itself to ranges.
class Quantizer {
 public:
  virtual ~Quantizer() = default;
  virtual int bit_width() const = 0;
  virtual Granularity granularity() const = 0;
  /// The width that the scheme must span to cover `range`, for channel precision (DESIGN section
  /// 5): max - min, widened to zero where the scheme does; symmetric 2 max|x|.
  virtual double width(const Range& range) const = 0;
  /// `ranges` has one entry, or one for each channel. Throws Error for ranges it cannot cover.
  virtual std::unique_ptr<Quantization> fit(std::span<const Range> ranges) const = 0;
};

using QuantizerRegistry = Registry<Quantizer>;

}  // namespace quantdyn
