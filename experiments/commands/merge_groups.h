// `quantdyn merge --by`: results in groups, each merged to a file of its own.
#pragma once

#include <string>
#include <vector>

#include "experiments/results/merge_results.h"

namespace quantdyn {

/// Groups the results by `network`, `variant` (all quantized variants with their settings) or
/// any other key of the experiment, merges each group of several runs into NAME.h5 of the
/// folder request.output, and returns a table of the groups and what was written. The files of all
/// groups are checked before the first is written. ConfigError: as metric_table() and
/// merge_results(); a key that no result has.
std::string merge_groups(const MergeRequest& request, const std::vector<std::string>& by);

}  // namespace quantdyn
