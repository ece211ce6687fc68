#include "experiments/commands/export_result.h"

#include <algorithm>

#include "experiments/commands/given_result.h"
#include "experiments/explain/node_data.h"
#include "experiments/keras/export.h"
#include "experiments/onnx/export.h"
#include "experiments/results/snapshot_choice.h"
#include "experiments/run/network_file.h"
#include "experiments/run/saved_variant.h"
#include "experiments/text/shell_word.h"
#include "framework/base/error.h"

namespace quantdyn {
namespace {

enum class Format { onnx, keras, model_explorer };

Format format_of(const ExportRequest& request) {
  const std::string extension = request.output.extension().string();
  const bool is_keras = extension == ".h5" || extension == ".hdf5";
  if (!request.format) {
    if (extension == ".onnx") return Format::onnx;
    if (is_keras) return Format::keras;
    throw_error<ConfigError>(
        "--output {}: accepted: a name that ends in .onnx, .h5 or .hdf5, or --format onnx or "
        "model-explorer",
        request.output.string());
  }
  if (*request.format == "onnx") return Format::onnx;
  if (*request.format == "model-explorer") return Format::model_explorer;
  if (*request.format != "keras")
    throw_error<ConfigError>("--format {}: accepted: onnx, keras, model-explorer", *request.format);
  if (!is_keras)
    throw_error<ConfigError>(
        "--output {}: accepted: a name that ends in .h5 or .hdf5, by which Keras knows the format",
        request.output.string());
  return Format::keras;
}

void check_output(const ExportRequest& request) {
  const std::string output = request.output.string();
  std::error_code ignored;
  if (std::filesystem::equivalent(request.output, request.result, ignored))
    throw_error<ConfigError>("--output {}: is the result itself; accepted: another name", output);
  if (std::filesystem::exists(request.output, ignored) && !request.force)
    throw_error<ConfigError>(
        "--output {}: is there already; accepted: another name, or --force to replace "
        "it",
        output);
}

/// Activations that get other codes than QuantizeLinear gives where x / scale is a tie.
std::string note_on_ties(const SavedVariant& variant) {
  std::vector<std::string> names;
  for (const auto& [id, tensor] : variant.tensors)
    if (id.role == TensorRole::output && tensor.rounding == AffineTensor::Rounding::other)
      names.push_back(variant.network.units()[id.unit].name);
  if (names.empty()) return "";
  return fmt::format(
      "note: ONNX rounds x / scale half to even; the variant rounds these outputs otherwise, so "
      "their codes may differ by 1 at ties: {}\n",
      fmt::join(names, ", "));
}

/// Float biases between quantized tensors, which integer kernels round by themselves.
std::string note_on_biases(const SavedVariant& variant) {
  const auto has = [&](TensorRole role) {
    return std::ranges::any_of(variant.tensors,
                               [&](const auto& tensor) { return tensor.first.role == role; });
  };
  if (!has(TensorRole::output) || has(TensorRole::bias)) return "";
  return "note: its biases are float32; onnxruntime rounds float32 biases and weights between "
         "quantized values by itself, so it agrees better with a variant that has bias: int32\n";
}

/// Activations with scales by channel, for which onnxruntime has no integer kernels.
std::string note_on_channels(const SavedVariant& variant) {
  const bool has_channels = std::ranges::any_of(variant.tensors, [](const auto& tensor) {
    return tensor.first.role == TensorRole::output && tensor.second.scale.size() > 1;
  });
  if (!has_channels) return "";
  return "note: its activations have scales by channel; onnxruntime refuses them around average "
         "pools unless its graph optimizations are off\n";
}

/// The model's net with the moment it is from.
struct Exported {
  Network network;
  AffineTensors tensors;
  SnapshotLabel snapshot;
  std::string note;
};

Exported read(const ExportRequest& request, const ResultReader& result) {
  if (request.variant) {
    chosen_snapshot(result, {{}, request.epoch, request.variant});  // is it there?
    SavedVariant variant = read_variant(result, *request.variant, request.epoch);
    std::string note = note_on_ties(variant) + note_on_biases(variant) + note_on_channels(variant);
    return {std::move(variant.network), std::move(variant.tensors), variant.snapshot,
            std::move(note)};
  }
  const SnapshotLabel& snapshot =
      request.epoch ? chosen_snapshot(result, {{}, request.epoch, float_variant}) : result.last();
  return {network_of(result, snapshot), {}, snapshot, ""};
}

/// The figures of the layers of a snapshot; in float, with the errors of the worst variant.
std::string export_node_data(const ExportRequest& request, const ResultReader& result) {
  const SnapshotLabel& snapshot = described_snapshot(
      result,
      chosen_snapshot(result, {{}, request.epoch, request.variant.value_or(float_variant)}));
  const std::vector<LayerNote> notes = layer_notes(result, snapshot);
  if (notes.empty())
    throw_error<ConfigError>(
        "{}: no figures by layer at epoch {}; accepted: a result with track.statistics",
        request.result.string(), snapshot.epoch);
  std::vector<std::string> files;
  for (const auto& file : write_node_data(result, notes, request.output))
    files.push_back(shell_word(file.string()));
  return fmt::format(
      "written: {}: {} figures of {} layers, {} at epoch {}\n"
      "to see them on the exported net: model-explorer NET.onnx --extensions=model_explorer_onnx "
      "--node_data_paths={}\n",
      request.output.string(), files.size(), result.network().size(), snapshot.variant,
      snapshot.epoch, fmt::join(files, ","));
}

}  // namespace

std::string export_result(const ExportRequest& request) {
  if (request.output.empty())
    throw_error<ConfigError>(
        "export: --output is missing; expected the name of a file, or of model-explorer's folder");
  const Format format = format_of(request);
  if (format == Format::keras && request.variant)
    throw_error<ConfigError>(
        "--variant {}: a Keras model holds no quantized tensors; accepted: --format onnx, or the "
        "float net without --variant",
        *request.variant);
  check_output(request);
  const ResultReader result = given_result(request.result);
  if (result.is_merged())
    throw_error<ConfigError>(
        "{}: a merged result has means over its runs, but no weights; accepted: the result of one "
        "of them",
        request.result.string());
  if (format == Format::model_explorer) return export_node_data(request, result);
  const std::string experiment = result.file().group("provenance").text("experiment");
  const Exported model = read(request, result);
  const SnapshotLabel& snapshot = model.snapshot;
  if (format == Format::keras)
    export_keras(model.network, experiment, request.output);
  else
    export_onnx(model.network, model.tensors,
                {experiment,
                 {{"variant", snapshot.variant}, {"epoch", std::to_string(snapshot.epoch)}},
                 layer_texts(result, described_snapshot(result, snapshot))},
                request.output);
  return fmt::format("{}written: {}: {} parameters, {} at epoch {}\n", model.note,
                     request.output.string(), model.network.trained_count(), snapshot.variant,
                     snapshot.epoch);
}

}  // namespace quantdyn
