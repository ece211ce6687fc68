#include "experiments/commands/export_result.h"

#include "experiments/keras/export.h"
#include "experiments/run/network_file.h"
#include "framework/base/error.h"

namespace quantdyn {
namespace {

void check_output(const ExportRequest& request) {
  const std::string output = request.output.string();
  if (output.empty()) throw_error<ConfigError>("export: --output is missing; expected a file name");
  const std::string extension = request.output.extension().string();
  if (extension != ".h5" && extension != ".hdf5")
    throw_error<ConfigError>(
        "--output {}: accepted: a name that ends in .h5 or .hdf5, by which Keras "
        "knows the format",
        output);
  std::error_code ignored;
  if (std::filesystem::equivalent(request.output, request.result, ignored))
    throw_error<ConfigError>("--output {}: is the result itself; accepted: another name", output);
  if (std::filesystem::exists(request.output) && !request.force)
    throw_error<ConfigError>(
        "--output {}: is there already; accepted: another name, or --force to replace "
        "it",
        output);
}

}  // namespace

std::string export_result(const ExportRequest& request) {
  check_output(request);
  const ResultReader result(request.result);
  const SnapshotLabel& snapshot = request.epoch ? result.at_epoch(*request.epoch) : result.last();
  const Network network = network_of(result, snapshot);
  export_keras(network, result.file().group("provenance").text("experiment"), request.output);
  return fmt::format("written: {}: {} parameters, {} at epoch {}\n", request.output.string(),
                     network.trained_count(), snapshot.variant, snapshot.epoch);
}

}  // namespace quantdyn
