// The section `track` of an experiment: what is written, and when.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "experiments/method/raw_tensors.h"
#include "framework/graph/network.h"
#include "stats/tracking/statistic.h"

namespace quantdyn {

/// The key `gradients`: a backward pass of a fixed training batch for each float snapshot.
struct GradientSettings {
  int64_t images;           ///< of the training set, one batch; a multiple of 8
  bool channel_histograms;  ///< whether histograms are also written by channel

  /// Reads the section and calls finish(). ConfigError: more images than the set has.
  static GradientSettings read(const Options& section, int64_t train_images);
};

/// Which snapshots' weights are saved.
enum class SavedWeights { all, listed, last, none };

/// The facts of a run that its tracking must fit.
struct TrackedRun {
  int64_t train_images, test_images;
  int64_t epochs, steps_per_epoch;
  bool has_labels;
  const Network& network;
};

struct TrackingSettings {
  int64_t probe_images;         ///< of the test set, a multiple of 8
  std::vector<int64_t> epochs;  ///< snapshots after these epochs; 0: at initialization
  int64_t every;                ///< and every n epochs; 0: none
  std::vector<int64_t> steps;   ///< after these training steps of the whole run
  int64_t every_steps;          ///< and every n steps; 0: none
  int64_t last_step;            ///< of the run; it always has a snapshot
  int64_t steps_per_epoch;
  SavedWeights weights;
  std::vector<std::string> quantize;  ///< variants that every snapshot in training is quantized for
  StatisticKinds statistics;
  std::optional<GradientSettings> gradients;
  std::optional<RawTensorSettings> tensors;

  /// Reads the section and calls finish(). ConfigError: more images than the set has, times past
  /// the end of training, unknown statistics, nodes or tensors.
  static TrackingSettings read(const Options& section, const TrackedRun& run);

  /// Whether there is a snapshot after `step` steps.
  bool has_snapshot(int64_t step) const;
  /// Whether that snapshot's weights are saved.
  bool saves_weights(int64_t step) const;
  /// Which raw tensors that snapshot keeps; null: none.
  const RawTensorSettings* tensors_of(int64_t step) const;

 private:
  bool is_listed_epoch(int64_t step) const;
};

}  // namespace quantdyn
