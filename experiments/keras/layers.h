// What each class of Keras layer becomes in a net.
#pragma once

#include <string>
#include <vector>

#include "experiments/keras/builder.h"

namespace quantdyn {

/// The classes that add_keras_layer() knows, in order: those of the operator table but InputLayer.
std::vector<std::string> keras_handler_names();

/// Adds a layer after its inputs, with its weights.
///
/// A convolution, its batch norm and its activation become one unit, as they do from YAML. A layer
/// that computes nothing in evaluation becomes no node (Dropout; a final softmax, so the net's
/// outputs are the logits). Zero padding goes into the convolution or the pooling after it.
/// ConfigError: a class or an option that is not supported, shapes that do not fit, weights that
/// are missing or not finite.
void add_keras_layer(KerasBuilder& builder, const KerasLayer& layer);

}  // namespace quantdyn
