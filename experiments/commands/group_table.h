// The main numbers of groups of runs, as a table.
#pragma once

#include <string>

#include "experiments/results/metric_table.h"

namespace quantdyn {

/// A row for each group and quantized variant (float32 where there is none): how many runs, and
/// "mean +- half-width of the 95 % confidence interval" of the numbers that `quantdyn run` prints.
std::string group_table(const MetricTable& table);

}  // namespace quantdyn
