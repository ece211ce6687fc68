#include "framework/run/evaluation_step.h"

#include <algorithm>

namespace quantdyn {

void visit(const Tap& tap, float* values, int64_t rows, int64_t channels, int64_t first_row,
           const EvaluationChunk& chunk) {
  if (tap.empty()) return;
  const int64_t most = rows_per_tile(channels);
  for (int64_t row = 0; row < rows; row += most) {
    const MutableTile tile{.values = values + row * channels,
                           .rows = std::min(most, rows - row),
                           .channels = channels,
                           .row_stride = channels,
                           .first_row = first_row + row,
                           .first_channel = 0,
                           .chunk = chunk.index,
                           .worker = chunk.worker};
    if (chunk.observed)
      for (Observer* observer : tap.before) observer->add(tile);
    if (tap.transform) tap.transform->apply(tile);
    if (chunk.observed)
      for (Observer* observer : tap.after) observer->add(tile);
  }
}

}  // namespace quantdyn
