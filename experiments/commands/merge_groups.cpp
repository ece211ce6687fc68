#include "experiments/commands/merge_groups.h"

#include <algorithm>
#include <map>

#include "experiments/commands/group_table.h"
#include "experiments/results/metric_table.h"
#include "framework/base/error.h"

namespace quantdyn {
namespace {

namespace fs = std::filesystem;

/// The keys of the experiment that `--by` names.
std::vector<std::string> keys_of(const std::vector<std::string>& by) {
  std::vector<std::string> out;
  for (const std::string& word : by) out.push_back(word == "variant" ? "variants" : word);
  return out;
}

}  // namespace

std::string merge_groups(const MergeRequest& request, const std::vector<std::string>& by) {
  if (request.output.empty())
    throw_error<ConfigError>("merge: --output is missing; with --by, expected a folder");
  if (request.results.size() < 2)
    throw_error<ConfigError>("merge: expected at least two results, found {}",
                             request.results.size());
  if (std::ranges::find_if(by, [](const std::string& word) {
        return word.empty() || word == "seed" || word == "name";
      }) != by.end())
    throw_error<ConfigError>(
        "--by {}: accepted: network, variant, and keys of the experiment but seed and name, with "
        "commas",
        fmt::join(by, ","));
  std::vector<NamedResult> results;
  for (const fs::path& path : request.results) results.push_back({path.string(), path});
  const MetricTable table = metric_table(results, keys_of(by), "all");
  std::map<std::string, std::vector<fs::path>> groups;
  for (const MetricTable::Run& run : table.runs) groups[run.group].emplace_back(run.member);
  for (const auto& [name, paths] : groups)
    if (paths.size() > 1 && fs::exists(request.output / (name + ".h5")) && !request.force)
      throw_error<ConfigError>("{}: is there already; accepted: another --output, or --force",
                               (request.output / (name + ".h5")).string());
  std::string out = group_table(table);
  fs::create_directories(request.output);
  for (const auto& [name, paths] : groups) {
    const fs::path file = request.output / (name + ".h5");
    if (paths.size() > 1)
      out += merge_results({paths, file, request.command_line, request.force});
    else
      out += fmt::format("{}: a single run, not merged: {}\n", name, paths.front().string());
  }
  return out;
}

}  // namespace quantdyn
