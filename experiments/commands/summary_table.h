// The table of the main numbers: one row for each quantized variant of one or more results.
#pragma once

#include <span>
#include <string>

#include "experiments/run/summary.h"

namespace quantdyn {

std::string summary_table(std::span<const VariantSummary> rows);

}  // namespace quantdyn
