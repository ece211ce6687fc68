#include "quant/quantizers/range.h"

#include <algorithm>

namespace quantdyn {

Range widened_to_zero(const Range& range) {
  return {std::min(range.low, 0.0), std::max(range.high, 0.0)};
}

Granularity Granularity::read(const Options& options) {
  enum class Kind { per_tensor, per_channel, per_group };
  const Kind kind = options.choice<Kind>("granularity", Kind::per_tensor,
                                         {{"per_tensor", Kind::per_tensor},
                                          {"per_channel", Kind::per_channel},
                                          {"per_group", Kind::per_group}},
                                         "one range per tensor, per (output) channel, or per "
                                         "group of `group_size` channels");
  const int64_t size = options.integer("group_size", 1, accept::at_least<int64_t>(1),
                                       "consecutive channels that share a range, with per_group");
  if (kind == Kind::per_group && !options.has("group_size"))
    options.refuse("granularity", "per_group needs `group_size`, the channels of a group");
  if (kind != Kind::per_group) options.leave_out("group_size", "needs granularity: per_group");
  return Granularity(kind == Kind::per_tensor ? 0 : size);
}

}  // namespace quantdyn
