// What a run will need of memory and disk, before anything runs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "experiments/run/experiment.h"

namespace quantdyn {

/// One part of what a run needs.
struct Need {
  std::string what;  ///< "training in batches of 128"
  int64_t bytes;
  std::string remedy;  ///< what makes it smaller: "a smaller train.batch_size"
};

/// An estimate. Arrays of plans are counted exactly; statistics, working memory of kernels and
/// compression by figures measured on the networks of experiments/networks (run/README.md).
struct Estimate {
  std::vector<Need> memory;  ///< at the run's peak; first what the process has already
  std::vector<Need> disk;    ///< with result, snapshots and checkpoints all there
  int64_t largest_file = 0;  ///< bytes: result.h5
};

/// Bytes of all parts.
int64_t total(const std::vector<Need>& needs);

/// Computes nothing of the run, and changes nothing that it depends on.
Estimate estimate(const Experiment& experiment);

/// Snapshots of the net as trained that a run takes.
int64_t snapshot_count(const TrackingSettings& track);

}  // namespace quantdyn
