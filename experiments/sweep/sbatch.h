// The one door to Slurm's `sbatch`.
#pragma once

#include <string>
#include <vector>

namespace quantdyn {

/// Submits a job as `sbatch --parsable arguments...` does, and gives its number. ConfigError: there
/// is no sbatch, or it refuses, in its own words.
std::string submit_job(const std::vector<std::string>& arguments);

}  // namespace quantdyn
