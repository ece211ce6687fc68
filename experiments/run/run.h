// `quantdyn run` and `quantdyn validate`.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace quantdyn {

/// What the command line asks for.
struct RunRequest {
  std::filesystem::path config;
  std::vector<std::string> sets;
  std::filesystem::path output;  ///< empty: the experiment's own
  bool force = false;
  bool quiet = false;
  std::string command_line;  ///< for the record
  std::string place;         ///< of the sweep's entry, for errors; empty: no sweep
};

/// Trains (or loads), quantizes, tracks and writes `<output>/result.h5`, for a sweep run by run
/// when all of them are known to be valid; prints the table of variants of all. A variant that
/// fails leaves the others: the results are written, then Error says what is not in them.
void run_experiment(const RunRequest& request);

/// Makes everything that each run would make before its first compute; returns a summary.
/// ConfigError otherwise.
std::string validate_experiment(const RunRequest& request);

}  // namespace quantdyn
