// The functions that add_keras_layer() calls, one for each class of layer.
#pragma once

#include "experiments/keras/builder.h"

namespace quantdyn {

// keras/activations.cpp
void add_keras_activation(KerasBuilder& builder, const KerasLayer& layer);
void add_keras_leaky_relu(KerasBuilder& builder, const KerasLayer& layer);
void add_keras_relu(KerasBuilder& builder, const KerasLayer& layer);
void add_keras_softmax(KerasBuilder& builder, const KerasLayer& layer);

/// Makes `node`, followed by the activation in the layer's options, the layer's result.
void activate_keras_layer(KerasBuilder& builder, const KerasLayer& layer, const std::string& node);

// keras/windows.cpp
void add_keras_average_pool(KerasBuilder& builder, const KerasLayer& layer);
void add_keras_conv2d(KerasBuilder& builder, const KerasLayer& layer);
void add_keras_depthwise(KerasBuilder& builder, const KerasLayer& layer);
void add_keras_global_average_pool(KerasBuilder& builder, const KerasLayer& layer);
void add_keras_max_pool(KerasBuilder& builder, const KerasLayer& layer);
void add_keras_separable(KerasBuilder& builder, const KerasLayer& layer);
void add_keras_zero_padding(KerasBuilder& builder, const KerasLayer& layer);

/// ConfigError unless channels are innermost.
void refuse_channels_first(const KerasLayer& layer);

}  // namespace quantdyn
