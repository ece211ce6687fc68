// Dead channels: those whose batch norm saw almost no variance, so that folding blew their weights
// up.
#pragma once

#include "framework/h5/frame.h"
#include "quant/folding/folding.h"

namespace quantdyn {

/// Finds the channels whose running variance is under `variance`, and can set them to their
/// constant output.
struct DeadChannels {
  enum class Action { report, zero };
  double variance;
  Action action;

  /// Reads the section and calls finish().
  static DeadChannels read(const Options& section);
  /// Writes channelwise/repairs/dead_channel: 1 for a dead channel, 0 for a live one, NaN if no
  /// batch norm was folded. Action::zero sets a dead channel's weights to 0, its bias to
  /// beta, and the gamma of its norm, which has no deviation any more, to 0.
  void apply(FoldedNetwork& net, Frame& report) const;
};

}  // namespace quantdyn
