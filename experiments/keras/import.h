// Nets from Keras: graph and weights of a functional or sequential model in a .h5 file.
#pragma once

#include <filesystem>

#include "framework/graph/network.h"

namespace quantdyn {

/// Whether a network file is a Keras model and not a YAML: it starts like an HDF5 file, or its
/// extension is .h5, .hdf5 or .keras.
bool is_keras_file(const std::filesystem::path& file);

/// Whether a file holds a Keras model, or part of one; false for results, and for files that cannot
/// be opened. ConfigError if libhdf5 crashes on it.
bool holds_keras_model(const std::filesystem::path& file);

/// Builds the net of a whole model, as Keras 2 and 3 save it in HDF5, with its weights. Its outputs
/// are the logits: a final softmax is dropped. ConfigError: anything missing or wrong in the file;
/// an unsupported layer, with its name and class.
Network import_keras(const std::filesystem::path& file);

}  // namespace quantdyn
