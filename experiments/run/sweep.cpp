#include "experiments/run/sweep.h"

#include <set>

#include "framework/config/options.h"

namespace quantdyn {

std::vector<RunRequest> runs_of(const RunRequest& request) {
  const Options document = Options::from_file(request.config, request.sets);
  const std::vector<Options> entries = document.list("sweep", "the runs of this file");
  if (entries.empty()) return {request};
  const std::string name =
      document.text("name", request.config.stem().string(), "name of the experiment");
  std::filesystem::path output = request.output;
  if (output.empty()) output = document.text("output", "results/" + name, "folder of the results");
  std::vector<RunRequest> out;
  std::set<std::string> taken;
  for (const Options& entry : entries) {
    const std::string own = entry.text("name", Options::required, "of the run and its folder");
    if (own.empty() || own.front() == '.' || own.find('/') != std::string::npos)
      entry.refuse("name", fmt::format("'{}' cannot name a folder; accepted: a name without '/' "
                                       "that does not start with '.'",
                                       own));
    if (!taken.insert(own).second)
      entry.refuse("name",
                   fmt::format("'{}' is the name of an earlier run; accepted: another name", own));
    for (const char* key : {"output", "sweep"})
      if (entry.has(key))
        entry.refuse(key, "belongs to the whole sweep; accepted: outside its entries");
    RunRequest run = request;
    run.sets = {"sweep=[]"};
    for (const auto& [key, value] : entry.entries()) run.sets.push_back(key + "=" + value);
    run.sets.insert(run.sets.end(), request.sets.begin(), request.sets.end());
    run.place = fmt::format("{}: run '{}'", entry.where("name"), own);
    run.output = output / own;
    out.push_back(std::move(run));
  }
  return out;
}

}  // namespace quantdyn
