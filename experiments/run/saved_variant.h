// A quantized variant as a result keeps it: its net, folded and repaired, and its integer codes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "experiments/formats/affine_tensor.h"
#include "experiments/results/result_reader.h"
#include "framework/graph/network.h"

namespace quantdyn {

struct SavedVariant {
  SnapshotLabel snapshot;
  Network network;  ///< weights and biases are those before quantization
  AffineTensors tensors;
};

/// Reads the snapshot of a variant whose codes the result keeps: the last. The net is that of
/// /config/network, folded if the variant was, with the activations that its repairs put in and the
/// variant's saved parameters.
///
/// ConfigError: `name` is no variant, another epoch, a tensor whose quantizer is not affine. Error:
/// the snapshot keeps no weights, a parameter does not fit.
SavedVariant read_variant(const ResultReader& result, const std::string& name,
                          std::optional<int64_t> epoch);

}  // namespace quantdyn
