// Vectorized gradients through a quantizer, over [rows, channels].
#pragma once

#include <cstdint>

#include "framework/base/gemm.h"
namespace quantdyn {

/// What the gradient of a range is summed from: nothing; dy (y - x) of the values x inside plus dy
/// y of those outside, y what x became; dy of the values above.
enum class RangeSums { none, of_step, of_clip };

/// Values [rows, channels], what they became, and the gradient of that, all with `row_stride`
/// floats from row to row; ends by channel.
struct QuantizedRows {
  const float* values;
  const float* quantized;  ///< read with RangeSums::of_step alone
  const float* dy;
  int64_t rows, channels, row_stride;
  const float *lowest, *highest;
};

/// to [rows, channels], with the same stride, (+)= dy where lowest <= value <= highest, else 0;
/// `to` may be dy, or null. Adds to sums [channels], row after row in double.
void pass_gradient(const QuantizedRows& rows, RangeSums wanted, float* to, Accumulate accumulate,
                   double* sums);

}  // namespace quantdyn
