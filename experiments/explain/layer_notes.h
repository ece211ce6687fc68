// Figures by layer for graphs of the net that other programs draw.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "experiments/results/snapshot_choice.h"

namespace quantdyn {

/// One figure of every layer.
struct LayerNote {
  enum class Bad { neither, low, high };

  std::string key;             ///< "accumulated_sqnr"
  std::string title;           ///< "accumulated SQNR, minmax-8 (dB)"
  Bad bad;                     ///< which end is bad for quantization
  std::vector<double> values;  ///< [layer]; NaN where a layer has none
};

/// Every `key` that a note can have.
const std::vector<std::string>& layer_note_keys();

/// Of the net in float: the ranges of folded weights and outputs, the channel precision of both,
/// dead channels. Of a quantized snapshot also its layers' shares of the logits' error (what
/// `explain` ranks by), local and accumulated SQNR, where its errors were tracked. Figures that no
/// layer has are left out.
std::vector<LayerNote> layer_notes(const ResultReader& result, const SnapshotLabel& snapshot);

/// The same as a text for each layer, a line a figure: {name: text}.
std::map<std::string, std::string> layer_texts(const ResultReader& result,
                                               const SnapshotLabel& snapshot);

/// The snapshot that describes the errors of the net in `snapshot`: itself, or, in float, that of
/// the variant that loses most, if it was quantized at the same step.
const SnapshotLabel& described_snapshot(const ResultReader& result, const SnapshotLabel& snapshot);

}  // namespace quantdyn
