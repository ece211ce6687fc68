// Nets from Keras: graph and weights of a functional or sequential model in a .h5 file.
#pragma once

#include <filesystem>

#include "framework/graph/network.h"

namespace quantdyn {

/// Whether a network file is a Keras model and not a YAML: an HDF5 file by its first bytes, or one
/// whose name says that it should be one (.h5, .hdf5, .keras).
bool is_keras_file(const std::filesystem::path& file);

/// Whether a file holds a Keras model, or a part of one; false for results, and for what cannot be
/// opened. ConfigError where libhdf5 crashes on it.
bool holds_keras_model(const std::filesystem::path& file);

/// Builds the net of a whole model, as Keras 2 and 3 save it in HDF5, with its weights. Its output
/// are the logits: a final softmax is dropped. ConfigError: what is missing or wrong in the file;
/// a layer that is not supported by its name and class.
Network import_keras(const std::filesystem::path& file);

}  // namespace quantdyn
