// The affine quantization of one tensor, as results and files of other programs keep it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "framework/base/tensor.h"
#include "quant/schemes/tensor_id.h"

namespace quantdyn {

/// value = scale (code - zero_point).
struct AffineTensor {
  /// How an activation gets its codes: x / scale to the nearest whole number, ties to even, then
  /// plus the zero point; by another rule, which differs at ties; or by random draws.
  enum class Rounding { half_to_even, other, drawn };

  std::vector<double> scale;        ///< one, or one for each (output) channel
  std::vector<int64_t> zero_point;  ///< likewise
  bool is_signed = false;           ///< whether codes start below 0
  int64_t lowest = 0, highest = 0;  ///< the codes that are given
  Rounding rounding = Rounding::half_to_even;
  Tensor<int32_t> codes;  ///< of a weight or a bias, in its shape; empty: an activation
};
/// The quantized tensors of a net.
using AffineTensors = std::map<TensorId, AffineTensor>;

}  // namespace quantdyn
