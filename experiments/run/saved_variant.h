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

/// Reads the snapshot of a variant whose codes the result keeps: the last.
///
/// The net's graph is that of the float snapshot of the same step, folded and repaired again as the
/// variant says, because repairs may replace activations; its parameters are the variant's saved
/// ones. ConfigError: `name` is no variant, another epoch, a tensor whose quantizer is not affine.
/// Error: as network_of(); weights that either snapshot does not keep.
SavedVariant read_variant(const ResultReader& result, const std::string& name,
                          std::optional<int64_t> epoch);

}  // namespace quantdyn
