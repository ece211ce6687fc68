// The fuzz targets: each gives foreign bytes to one parser. An Error is a refusal; whatever else
// leaves a target is a finding.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>

namespace quantdyn::test {

using Bytes = std::span<const uint8_t>;

void fuzz_options(Bytes yaml);  ///< YAML, --set, Options
void fuzz_network(Bytes yaml);  ///< a network file, and the net that it describes
void fuzz_cifar(Bytes file);
void fuzz_idx(Bytes file);   ///< plain or .gz
void fuzz_hdf5(Bytes file);  ///< arrays x and y as a dataset
void fuzz_keras(Bytes file);
void fuzz_onnx(Bytes model);
void fuzz_result(Bytes file);      ///< or one snapshot: what inspect, explain and compare print
void fuzz_checkpoint(Bytes file);  ///< the state that a run goes on from
void fuzz_snapshot(Bytes file);    ///< what a result takes from a snapshot's own file

/// Runs `parse`; swallows Error, or prints it where QUANTDYN_FUZZ_TELL is set.
void expect_error_at_most(const std::function<void()>& parse);

/// A file of this process that holds the bytes until the next call, in QUANTDYN_FUZZ_FOLDER or
/// among the temporary ones; its path.
std::filesystem::path as_file(Bytes bytes);

}  // namespace quantdyn::test
