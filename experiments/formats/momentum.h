// The momentum of a batch norm in the convention of Keras and ONNX, and in ours.
#pragma once

#include <cmath>

namespace quantdyn {

/// The momentum of Keras and ONNX is the share of the running values, batch_norm's that of the
/// batch. Rounded to 15 decimals, so that 0.99 and 0.01 convert into each other.
inline double other_momentum(double momentum) { return std::round((1 - momentum) * 1e15) / 1e15; }

}  // namespace quantdyn
