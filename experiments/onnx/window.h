// The sliding windows of ONNX's convolutions and pools as options of the net's layers.
#pragma once

#include <array>

#include "experiments/onnx/builder.h"

namespace quantdyn {

/// What the window's own padding stands for; zeros from a Pad before it must be the same.
enum class OnnxPadding { zeros, nothing };

/// The options `kernel`, `stride` and `padding` of a node that slides a window over `x`: from its
/// attributes kernel_shape, strides, pads, auto_pad, dilations, and the padding that `x` carries.
///
/// `kernel`: of the weight; {0, 0}: kernel_shape is required. ConfigError: dilations other than 1,
/// negative pads, auto_pad after a Pad; with OnnxPadding::nothing, pads of its own beside a Pad.
OnnxBuilder::Entries onnx_window(OnnxBuilder& builder, const OnnxNode& node, const OnnxValue& x,
                                 std::array<int64_t, 2> kernel, OnnxPadding padding);

/// Refuses ceil_mode 1 where it gives another size than rounding down.
void check_ceil_mode(const OnnxBuilder& builder, const OnnxNode& node, const OnnxValue& x);

}  // namespace quantdyn
