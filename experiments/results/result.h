// What a run puts into its result file: the facts about it, its snapshots, its training curve.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "experiments/results/raw_file.h"
#include "framework/base/tensor.h"
#include "framework/h5/frame.h"
#include "framework/h5/h5.h"

namespace quantdyn {

/// The layout of the file (FILE.md); raised whenever an older reader would misread it.
inline constexpr int64_t result_schema = 1;
/// The attribute `status` of a file that joins several results.
inline constexpr const char* merged_status = "merged";
/// The variant of snapshots of the net as trained.
inline constexpr const char* float_variant = "float32";

using Fact = std::variant<std::string, int64_t, double>;
using Facts = std::vector<std::pair<std::string, Fact>>;

/// A row of /network. `channel_offset` and `channels` are the node's place on the axis `channel`.
struct NodeRow {
  std::string name, kind, inputs;  ///< inputs: "a, b"
  Shape output;                    ///< of one image
  int64_t parameters, multiply_accumulates, channel_offset, channels;
};

/// Everything about a run that is known before its first step.
struct RunFacts {
  std::string raw_yaml, resolved_yaml, network_yaml;
  uint64_t seed;
  std::string command_line, created;  ///< created: ISO 8601, UTC
  std::string git_revision, version;
  Facts provenance;
  std::vector<NodeRow> network;
  std::vector<ExtraAxis> axes;
  /// Places in their data set, in the order of use: of "probe" in the test set, of "gradients" in
  /// the training set.
  std::map<std::string, std::vector<int64_t>> images = {};
};

/// A row of /training; one per epoch.
struct TrainingRow {
  int64_t step, epoch;
  double loss, accuracy, learning_rate, seconds;
};

/// One array of a node, as another run may start from it.
struct SavedParameter {
  std::string node, parameter;
  Shape shape;
  std::vector<float> values;
};

/// What a quantizer did to one tensor of one node; vectors are empty for what it does not have.
struct QuantizationEntry {
  std::string node, tensor;
  int64_t rows = 1;  ///< of levels, scale and zero_point: 1, or the number of channels
  /// Of `codes`, row-major; weights have codes, activations none.
  Shape shape;
  std::variant<std::vector<int8_t>, std::vector<uint8_t>, std::vector<int16_t>,
               std::vector<uint16_t>, std::vector<int32_t>>
      codes;
  /// [rows, levels]: the value of each code, in ascending codes; up to 8 bits.
  std::vector<float> levels;
  /// [rows]; value = scale (code - zero_point).
  std::vector<double> scale;
  std::vector<int64_t> zero_point;
  /// How the range settled: [convergence_images, rows], of the first n calibration images.
  std::vector<int64_t> convergence_images;
  std::vector<double> convergence_low, convergence_high;
  Facts facts;  ///< bit width, scheme, range: attributes of the group
};

/// An activation that a variant's repairs put in place of the net's own.
struct ReplacedActivation {
  std::string node, kind;
};

/// Which snapshot a row on the axis `snapshot` is.
struct SnapshotLabel {
  int64_t index, epoch, step;
  std::string variant;
};

/// The net at one moment, as trained or as one variant has quantized it.
struct Snapshot {
  int64_t epoch, step;
  std::string variant;
  Frame frame;
  std::vector<SavedParameter> weights;
  std::vector<QuantizationEntry> quantization;
  std::vector<ReplacedActivation> replaced_activations = {};  ///< of a variant, by its repairs
  std::unique_ptr<BegunSnapshot> begun = {};  ///< holds its raw tensors; null: it has none
};

}  // namespace quantdyn
