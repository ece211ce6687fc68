// Runs a net on a set of images unit by unit, while the weights of later units still change.
#pragma once

#include <functional>
#include <map>
#include <vector>

#include "framework/base/arena.h"
#include "framework/base/threads.h"
#include "framework/run/image_batches.h"

namespace quantdyn {

/// Shows units to their observers in the net's order. Before each, what the units before it give is
/// taken from memory, so that a walk through all units costs two evaluations, not one a unit: a
/// unit runs once for its observers, and once more when it is final.
class LayerwiseRun {
 public:
  /// Floats that may be kept between two units, of all images: 1 GiB. A net and images that need
  /// more are run again from the last units that fit; the values are the same.
  static constexpr int64_t floats_kept = int64_t{1} << 28;

  /// The evaluator keeps all outputs (Keep::all); it and the images must outlive this.
  LayerwiseRun(Evaluator& net, const ImageBatches& images, int64_t capacity = floats_kept);

  // Parameters of units before the one that a call names must not change any more; those of the
  // others may, followed by Evaluator::prepare(). Calls name units in ascending order.

  /// Runs all images up to `unit` and shows them to the observers of that unit's taps only.
  void show(int unit);
  /// The outputs [images,...] of `source`, a unit before `unit`, after its transform; until the
  /// next call.
  View<const float> outputs_before(int unit, int source);

 private:
  /// A unit's outputs for all images, in whole chunks.
  struct Array {
    Arena memory;
    View<float> values;
  };
  using Outputs = std::map<int, Array>;  // by unit
  using ChunkWork = std::function<void(const Chunk& chunk)>;

  Array array_of(int unit) const;
  static constexpr int nothing = -1;
  /// Units before `unit` whose outputs it or later ones read, and the unit `also`.
  std::vector<int> read_from(int unit, int also) const;
  int64_t floats_of(const std::vector<int>& units) const;
  /// Runs all units before `unit` for every chunk, then calls `work`; keeps the outputs of
  /// read_from(unit, also) if there is room.
  void run_before(int unit, int also, const ChunkWork& work);
  void run_chunk_before(int unit, Outputs& next, const Chunk& chunk);

  Evaluator& net_;
  const ImageBatches& images_;
  int64_t capacity_;
  int first_ = 0;  // units before this one are done, and what it and later ones read is in outputs_
  Outputs outputs_;     // empty: start from the images
  Array without_room_;  // what outputs_before() gave if outputs_ has no room for it
};

}  // namespace quantdyn
