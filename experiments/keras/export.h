// Nets for Keras: a functional model with its weights in the .h5 layout that Keras 2 and 3 load.
#pragma once

#include <filesystem>
#include <string>

#include "framework/graph/network.h"

namespace quantdyn {

/// Writes a net with its masters as a Keras model named like `name`; its outputs are the logits.
///
/// A layer has the name of its node's unit if the node leads it, else the node's. Padding that
/// Keras does not have becomes a ZeroPadding2D layer. ConfigError: a node or a padding for which
/// Keras has no layer. Error: the file cannot be written.
void export_keras(const Network& network, const std::string& name,
                  const std::filesystem::path& file);

}  // namespace quantdyn
