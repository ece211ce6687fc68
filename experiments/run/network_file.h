// The files that can hold a net: a network YAML, a Keras or ONNX model, a result of an earlier run.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "experiments/results/result_reader.h"
#include "framework/graph/network.h"

namespace quantdyn {

/// The network file of a given name in an experiment: beside the experiment, else among those that
/// come with the program.
std::filesystem::path find_network(const std::filesystem::path& given);

/// A net, and the facts about it that a result keeps.
struct NetworkFromFile {
  Network network;
  std::string yaml;  ///< network_from_yaml() builds the net from it
  /// Of a Keras or ONNX model, which also gave the weights: "keras" or "onnx", and the file's
  /// SHA-256; empty: a YAML.
  std::string format = {}, sha256 = {};
};

/// Reads a network YAML, with its parameters from `section` and `defaults`; or a Keras model, which
/// has none; or an ONNX model, which may need the parameter `input`. ConfigError as read_network(),
/// from_options(), import_keras() and import_onnx(); a missing file, at the key `file` of the
/// section.
NetworkFromFile read_network_file(const std::filesystem::path& file, const Options& section,
                                  const std::optional<NetworkDefaults>& defaults = {});

/// Builds the net of NetworkFromFile::yaml; `name` is the file's name in errors.
Network network_from_yaml(const std::string& yaml, const std::string& name);

/// The net of a result (/config/network) with the parameters of one of its snapshots. Error or
/// ConfigError if something is missing or does not fit.
Network network_of(const ResultReader& result, const SnapshotLabel& snapshot);

/// Fills all parameters from a snapshot of a result. Error if one does not fit.
void read_parameters(const ResultReader& result, const SnapshotLabel& snapshot, Network& network);

}  // namespace quantdyn
