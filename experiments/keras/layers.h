// What each class of Keras layer becomes in a net.
#pragma once

#include <string>

#include "experiments/keras/builder.h"

namespace quantdyn {

/// "Activation, Add, ...": the classes that add_keras_layer() knows, and InputLayer.
std::string keras_class_names();

/// Adds a layer after those that it reads, with its weights.
///
/// A convolution, its batch norm and its activation become one unit, as they do from YAML. What
/// computes nothing in evaluation (Dropout, a final softmax, without which the net's output are the
/// logits) becomes no node. Zero padding goes into the convolution or the pooling after it.
/// ConfigError: a class or an option that is not supported, shapes that do not fit, weights that
/// are missing or not finite.
void add_keras_layer(KerasBuilder& builder, const KerasLayer& layer);

}  // namespace quantdyn
