#include "quant/range_estimator.h"

namespace quantdyn {

void observe_tensor(RangeObserver& observer, std::span<const float> values, int64_t channels) {
  const auto rows = static_cast<int64_t>(values.size()) / channels;
  observer.add({.values = values.data(),
                .rows = rows,
                .channels = channels,
                .row_stride = channels,
                .first_row = 0,
                .first_channel = 0,
                .chunk = 0,
                .worker = 0});
  observer.end_chunk(0, 0);
}

}  // namespace quantdyn
