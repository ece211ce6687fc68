// When a run is saved: the section `checkpoint` of an experiment.
#pragma once

#include <cstdint>

#include "framework/config/options.h"

namespace quantdyn {

/// At the end of training there is always a checkpoint.
struct CheckpointSettings {
  int64_t epochs = 0;  ///< after every n epochs; 0: not after epochs
  int64_t steps = 0;   ///< every n steps; 0: not after steps
  double minutes = 0;  ///< when the last one is that old; 0: however old it is

  /// Reads the section and calls finish(). A run that does not train has no checkpoints: its
  /// finished snapshots are enough to go on.
  static CheckpointSettings read(const Options& section, int64_t train_epochs);
};

}  // namespace quantdyn
