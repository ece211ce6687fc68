// What merging needs to know of several results: that they are runs of one experiment, and what
// they share.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "experiments/results/result.h"
#include "experiments/results/result_reader.h"

namespace quantdyn {

/// ConfigError, naming the two files and what differs: the same seed, a merged file, another
/// network, other snapshots, training rows, axes, labels, arrays of /networkwise and /layerwise, or
/// config keys other than seed, name and output.
void check_mergeable(std::span<const std::unique_ptr<ResultReader>> runs);

/// Attributes of /provenance that are equal in all runs.
Facts shared_provenance(std::span<const std::unique_ptr<ResultReader>> runs);

/// The axes that arrays have after layer or channel, with their labels.
std::vector<ExtraAxis> extra_axes(const ResultReader& result);

/// The mean; NaN if a value is NaN.
double mean_of(std::span<const double> values);

/// One value per entry of a one-dimensional array that all runs have.
std::vector<double> merged_column(std::span<const std::unique_ptr<ResultReader>> runs,
                                  const std::string& path,
                                  const std::function<double(std::span<const double>)>& merge);

/// How many entries are NaN in some runs but not in all; `runs` are arrays of equal size.
int64_t partly_missing(const std::vector<std::vector<double>>& runs);

}  // namespace quantdyn
