// A quantized net in integers only: codes in, int32 sums, fixed-point multipliers, codes out.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "framework/graph/network.h"
#include "quant/integer/fixed_point.h"
#include "quant/integer/integer_bias.h"
#include "quant/quantizers/quantizer.h"

namespace quantdyn {

/// The parts of a quantized net; all quantizations are affine, those of outputs per tensor.
struct IntegerParts {
  std::map<int, const Quantization*> outputs;  ///< by unit; none: codes pass on (flatten, max pool)
  struct Weight {
    const Quantization* quantization;
    const Tensor<int32_t>* codes;
    const IntegerBias* bias;
  };
  std::map<int, Weight> weights;  ///< by unit
};

/// One image's codes of every unit's output, as int32.
using UnitCodes = std::vector<std::vector<int32_t>>;

/// One unit in integers: made once, immutable.
class IntegerUnit {
 public:
  virtual ~IntegerUnit() = default;
  /// The codes of one image from those of the units it reads. `largest_sum` becomes the largest
  /// |sum| in an accumulator, if that is larger. Sums are exact, however large.
  virtual void run(const UnitCodes& codes, std::vector<int32_t>& output,
                   FixedPointRounding rounding, int64_t& largest_sum) const = 0;
};

/// The integer twin of a folded net.
///
/// Linear: sum (x - z_x)(w - z_w) + bias, times s_x s_w / s_y, plus z_y, clamped to the codes that
/// the activation allows. Average: the sum of x - z_x over the window, times s_x / (s_y count).
/// Add, as in TensorFlow Lite: each x - z_x times 2^20 s_x / (2 s), s the larger scale, the sum
/// times 2 s / (2^20 s_y); a smaller power of two for codes wider than 8 bits. Max: of codes,
/// rescaled if it has a scale of its own.
class IntegerNetwork {
 public:
  /// Throws Error (unit, node, kind) for a unit that has no integer form.
  IntegerNetwork(const Network& network, const IntegerParts& parts);

  int units() const { return static_cast<int>(units_.size()); }
  /// Null for the input.
  const IntegerUnit* unit(int index) const { return units_[index].get(); }
  /// The quantization of the codes in a unit's output.
  const Quantization& coding(int unit) const { return *codings_[unit]; }

 private:
  std::vector<std::unique_ptr<IntegerUnit>> units_;
  std::vector<const Quantization*> codings_;
};

/// Why a unit of the unfolded or folded net has no integer form, whatever its quantizers; empty if
/// it has one.
std::string no_integer_form(const Network& network, int unit);
/// Whether a unit's output keeps the codes of its input, at most clipped, unless it has a
/// quantization of its own.
bool passes_codes(const Network& network, int unit);

}  // namespace quantdyn
