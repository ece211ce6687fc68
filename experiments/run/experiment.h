// An experiment: its YAML file as checked objects, before any compute.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/standardize.h"
#include "experiments/method/tracking_settings.h"
#include "experiments/method/trainer.h"
#include "experiments/run/checkpoint_settings.h"
#include "experiments/run/computing.h"
#include "experiments/run/network_file.h"
#include "quant/variants/variant.h"

namespace quantdyn {

/// Makes a network of a file's path and of the section that names it, as read_network_file().
using NetworkReader = std::function<NetworkFromFile(
    const std::filesystem::path& file, const Options& section, const NetworkDefaults& defaults)>;

struct Experiment {
  Options document;
  std::string name;
  uint64_t seed;
  std::unique_ptr<DatasetPair> data;
  Standardization standardization;
  std::string network_yaml;  ///< the network file with its parameters set
  /// Of the Keras or ONNX model with net and weights, as in NetworkFromFile; empty: a YAML.
  std::string network_format, network_sha256;
  std::unique_ptr<Network> network;
  std::unique_ptr<Initializer> initializer;
  TrainingSettings train;
  CheckpointSettings checkpoints;
  std::filesystem::path weights;  ///< the result that gave the net's weights, or empty
  TrackingSettings track;
  std::vector<Variant> variants;
  QuantizationTrainingSettings quantization;  ///< of training; points into `variants`
  Computing computing;
  std::filesystem::path output;

  /// Reads the file with `--set` arguments and makes everything that it names. ConfigError for
  /// every mistake that can be found now: keys, values, data files, shapes that do not fit.
  static Experiment read(const std::filesystem::path& file, std::span<const std::string> sets);
  /// The same of a parsed document; `default_name` is for an experiment without a name.
  static Experiment read(const Options& document, const std::string& default_name,
                         const NetworkReader& read_network);

  /// Variants that the net is quantized for in the midst of training, in the order of `variants`:
  /// those of track.quantize, and that of training with quantization once that has begun.
  std::vector<const Variant*> variants_in_training(bool trains_quantized) const;
  /// Whether the net has weights already, from a Keras or ONNX model, or a result.
  bool has_weights() const { return !weights.empty() || !network_format.empty(); }
  /// A random stream from the experiment's seed.
  Rng rng(std::string_view stream) const { return Rng(seed).fork(stream); }
};

}  // namespace quantdyn
