#include "framework/graph/tap.h"

#include <algorithm>

namespace quantdyn {

std::string to_string(TapKind kind) {
  return kind == TapKind::conv ? "conv" : kind == TapKind::norm ? "norm" : "output";
}

void observe_tensor(View<const float> values, Observer& observer, int64_t chunk, int worker) {
  const int64_t channels = values.shape.channels();
  const int64_t rows = values.shape.rows();
  const int64_t at_once = rows_per_tile(channels);
  for (int64_t row = 0; row < rows; row += at_once)
    observer.add({.values = values.data + row * channels,
                  .rows = std::min(at_once, rows - row),
                  .channels = channels,
                  .row_stride = channels,
                  .first_row = row,
                  .first_channel = 0,
                  .chunk = chunk,
                  .worker = worker});
  observer.end_chunk(chunk, worker);
}

int64_t rows_per_tile(int64_t channels) {
  constexpr int64_t floats = 4096, fewest = 64;
  return std::max(fewest, floats / channels);
}

}  // namespace quantdyn
