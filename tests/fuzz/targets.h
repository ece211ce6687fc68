// The fuzz targets: each gives foreign bytes to one parser. An Error is a refusal; whatever else
// leaves a target is a finding.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>

namespace quantdyn::test {

using Bytes = std::span<const uint8_t>;

void fuzz_options(Bytes yaml);  ///< YAML, then lines "--set key=value"; Options
void fuzz_network(Bytes yaml);  ///< a network file, and the net that it describes
void fuzz_cifar(Bytes file);
void fuzz_idx(Bytes file);  ///< plain or .gz
/// Arrays x and y as a dataset, and a byte that chooses whether its images stay in the file.
void fuzz_hdf5(Bytes file);
void fuzz_keras(Bytes file);
void fuzz_onnx(Bytes model);
/// A result or one snapshot, and a byte that chooses what prints it: inspect, compare or explain.
void fuzz_result(Bytes file);
void fuzz_checkpoint(Bytes file);  ///< the state that a run goes on from
void fuzz_snapshot(Bytes file);    ///< what a result takes from a snapshot's own file

/// Runs `parse`; swallows Error, or prints it where QUANTDYN_FUZZ_TELL is set.
void expect_error_at_most(const std::function<void()>& parse);

/// A file of this process that holds the bytes until the next call, in QUANTDYN_FUZZ_FOLDER or
/// among the temporary ones; its path.
std::filesystem::path as_file(Bytes bytes);

}  // namespace quantdyn::test
