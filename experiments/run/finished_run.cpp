#include "experiments/run/finished_run.h"

#include <sstream>

#include "experiments/results/assemble_result.h"
#include "experiments/results/finish_result.h"
#include "experiments/run/provenance.h"
#include "experiments/run/run_differences.h"
#include "framework/base/error.h"
#include "framework/base/printable.h"

namespace quantdyn {
namespace {

constexpr const char* accepted = "accepted: another output folder, or --force to replace it";

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> out;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) out.push_back(line);
  return out;
}

RunReport report_of(const std::string& experiment, const std::filesystem::path& path,
                    const ResultReader& result) {
  RunReport out{.experiment = experiment, .result = path, .summary = summary_of(result)};
  const h5::Group provenance = result.file().group("provenance");
  if (provenance.has_attribute("failures")) out.failures = lines_of(provenance.text("failures"));
  return out;
}

}  // namespace

RunReport report_of(const std::string& experiment, const std::filesystem::path& path) {
  return report_of(experiment, path, ResultReader(path));
}

RunReport finished_run(const Experiment& experiment, const std::string& place) {
  const std::filesystem::path path = experiment.output / "result.h5";
  const auto refuse = [&](const std::string& why) {
    throw_error<ConfigError>("{}: {}; {}", place, why, accepted);
  };
  RunReport out;
  try {
    const ResultReader result(path);
    if (const std::string ended = ended_early(result); !ended.empty())
      throw_error("{}: ended early: {}", path.string(), ended);
    std::vector<std::string> found;
    for (const auto& [key, before, now] :
         input_differences(read_run_facts(result.file()), facts_of(experiment, "")))
      found.push_back(fmt::format("{} ({} there, {} here)", key, quotable(before), quotable(now)));
    if (!found.empty())
      throw_error("{}: is the result of another experiment, which differs in {}", path.string(),
                  fmt::join(found, ", "));
    out = report_of(experiment.name, path, result);
    out.was_finished = true;
  } catch (const Error& e) {
    refuse(e.what());
  }
  return out;
}

}  // namespace quantdyn
