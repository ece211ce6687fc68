#include "quant/range.h"

#include <algorithm>

namespace quantdyn {

Granularity read_granularity(const Options& options) {
  return options.choice<Granularity>(
      "granularity", Granularity::per_tensor,
      {{"per_tensor", Granularity::per_tensor}, {"per_channel", Granularity::per_channel}},
      "one range for the whole tensor, or one for each (output) channel");
}

Range widened_to_zero(const Range& range) {
  return {std::min(range.low, 0.0), std::max(range.high, 0.0)};
}

}  // namespace quantdyn
