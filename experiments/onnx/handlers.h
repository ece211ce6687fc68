// The functions that add_onnx_node() calls, one for each kind of operator.
#pragma once

#include "experiments/onnx/builder.h"

namespace quantdyn {

// linear.cpp
void add_onnx_batch_norm(OnnxBuilder& builder, const OnnxNode& node);
void add_onnx_conv(OnnxBuilder& builder, const OnnxNode& node);
void add_onnx_gemm(OnnxBuilder& builder, const OnnxNode& node);
void add_onnx_mat_mul(OnnxBuilder& builder, const OnnxNode& node);

// pools.cpp
void add_onnx_average_pool(OnnxBuilder& builder, const OnnxNode& node);
void add_onnx_global_average_pool(OnnxBuilder& builder, const OnnxNode& node);
void add_onnx_max_pool(OnnxBuilder& builder, const OnnxNode& node);
void add_onnx_pad(OnnxBuilder& builder, const OnnxNode& node);
void add_onnx_reduce_mean(OnnxBuilder& builder, const OnnxNode& node);

// clips.cpp
void add_onnx_clip(OnnxBuilder& builder, const OnnxNode& node);
void add_onnx_max_or_min(OnnxBuilder& builder, const OnnxNode& node);
void add_onnx_relu(OnnxBuilder& builder, const OnnxNode& node);

// elementwise.cpp
void add_onnx_add(OnnxBuilder& builder, const OnnxNode& node);
void add_onnx_concat(OnnxBuilder& builder, const OnnxNode& node);
void add_onnx_dropout(OnnxBuilder& builder, const OnnxNode& node);
void add_onnx_hard_sigmoid(OnnxBuilder& builder, const OnnxNode& node);
void add_onnx_hard_swish(OnnxBuilder& builder, const OnnxNode& node);
void add_onnx_identity(OnnxBuilder& builder, const OnnxNode& node);
void add_onnx_leaky_relu(OnnxBuilder& builder, const OnnxNode& node);
void add_onnx_mul(OnnxBuilder& builder, const OnnxNode& node);
void add_onnx_sigmoid(OnnxBuilder& builder, const OnnxNode& node);
void add_onnx_softmax(OnnxBuilder& builder, const OnnxNode& node);

// shapes.cpp
void add_onnx_flatten(OnnxBuilder& builder, const OnnxNode& node);
void add_onnx_reshape(OnnxBuilder& builder, const OnnxNode& node);
void add_onnx_squeeze(OnnxBuilder& builder, const OnnxNode& node);
void add_onnx_transpose(OnnxBuilder& builder, const OnnxNode& node);
void add_onnx_unsqueeze(OnnxBuilder& builder, const OnnxNode& node);

// scales.cpp
void add_onnx_cast(OnnxBuilder& builder, const OnnxNode& node);
void add_onnx_quantize(OnnxBuilder& builder, const OnnxNode& node);
void add_onnx_dequantize(OnnxBuilder& builder, const OnnxNode& node);

}  // namespace quantdyn
