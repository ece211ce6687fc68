// `quantdyn bench`: how fast one net trains, infers or is tracked here, on random input.
#pragma once

#include <filesystem>
#include <string>

namespace quantdyn {

struct BenchRequest {
  std::filesystem::path network;
  std::string mode;  ///< train, infer or stats
  int64_t batch = 128;
  double seconds = 5;
};

/// Runs steps for at least that long, after two that are not timed, and returns a line of JSON:
/// images_per_second, milliseconds_per_batch, iterations, parameters, multiply_accumulates (one
/// image), peak_rss_mib, gflops_per_second (2 a multiply-accumulate, three times that in training).
///
/// `train` is the step that a run makes (loss, both passes, SGD with momentum), without loader and
/// augmentation; `infer` the folded net; `stats` the unfolded net with the trackers that a run
/// attaches, on every tap: it adds `counted`, the sum of all layerwise counts, and
/// `expected_count`, taps x elements x images, the warm-up included. ConfigError: an unknown mode,
/// a batch that evaluation cannot take.
std::string bench_network(const BenchRequest& request);

}  // namespace quantdyn
