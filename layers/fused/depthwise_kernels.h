// Vectorized depthwise convolution of one image: forward and both gradients.
#pragma once

#include "framework/convolution.h"

namespace quantdyn {

/// y [P,Q,C] (+)= depthwise convolution of x [H,W,C] with weight [kh,kw,C].
void depthwise_forward(const Convolution& conv, const float* x, const float* weight, float* y,
                       bool add);

/// dx [H,W,C] (+)= gradient from dy [P,Q,C], for any stride; stride 1 is faster as a forward of
/// flipped().
void depthwise_backward_data(const Convolution& conv, const float* dy, const float* weight,
                             float* dx, bool add);

/// dweight [kh,kw,C] += gradient; sums along an output row stay in registers, rows are added in
/// order.
void depthwise_backward_weights(const Convolution& conv, const float* x, const float* dy,
                                float* dweight);

}  // namespace quantdyn
