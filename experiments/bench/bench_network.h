// `quantdyn bench`: the speed of one net in training, inference or tracking, on random input.
#pragma once

#include <filesystem>
#include <string>

namespace quantdyn {

struct BenchRequest {
  std::filesystem::path network;
  std::string mode;  ///< train, infer, simulate or stats
  int64_t batch = 128;
  double seconds = 5;
  bool layers = false;  ///< also a roofline by layer
};

/// Runs steps for at least `seconds`, after two that are not timed, and returns a line of JSON:
/// images_per_second, milliseconds_per_batch, iterations, parameters, multiply_accumulates (one
/// image), peak_rss_mib, gflops_per_second (2 per multiply-accumulate, three times that in
/// training).
///
/// `train` runs a training step (loss, both passes, SGD with momentum) without loader and
/// augmentation; `infer` runs the folded net, `simulate` its quantized twin (8 bits, min-max, per
/// tensor, every output); `stats` runs the unfolded net with a run's trackers
/// on every tap. `stats` adds `counted`, the sum of all layerwise counts, and `expected_count`,
/// taps x elements x images, the warm-up included.
///
/// With `layers` tables precede the line (layer_rows.h), and it has `limits`, `layers` and, in
/// training, `loader_milliseconds_per_batch`. ConfigError: an unknown mode, a batch size that
/// evaluation cannot take, layers of `stats`.
std::string bench_network(const BenchRequest& request);

}  // namespace quantdyn
