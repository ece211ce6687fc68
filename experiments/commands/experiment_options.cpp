#include "experiments/commands/experiment_options.h"

#include "experiments/run/sweep.h"
#include "framework/base/error.h"

namespace quantdyn {

void add_file_options(po::options_description& options) {
  auto add = options.add_options();
  add("set", po::value<std::vector<std::string>>()->composing()->value_name("KEY=VALUE"),
      "set a key of the YAML, as in --set train.epochs=3; may be repeated");
  add("output,o", po::value<std::string>()->value_name("DIR"),
      "folder of the result, instead of the YAML's");
}

po::options_description experiment_options() {
  po::options_description out("options");
  add_file_options(out);
  auto add = out.add_options();
  add("no-fuse", po::bool_switch(), "run every primitive by its readable reference");
  add("force", po::bool_switch(), "replace a result that is already there");
  add("ignore-limits", po::bool_switch(),
      "run, though more memory or disk may be needed than there is");
  add("quiet", po::bool_switch(), "no progress, results only");
  add_plugin_option(out);
  return out;
}

RunRequest file_request_of(const std::string& command, const CommandCall& call) {
  RunRequest out;
  out.command_line = call.command_line;
  out.config = call.only_file(command);
  out.sets = call.value<std::vector<std::string>>("set").value_or(std::vector<std::string>{});
  out.output = call.value<std::string>("output").value_or("");
  return out;
}

RunRequest request_of(const std::string& command, const CommandCall& call) {
  RunRequest out = file_request_of(command, call);
  if (call.has("no-fuse")) out.sets.emplace_back("compute.fuse=false");
  out.force = call.has("force");
  out.ignore_limits = call.has("ignore-limits");
  return out;
}

std::vector<std::string> words_of(const CommandCall& call,
                                  const po::options_description& described) {
  std::vector<std::string> out;
  for (const auto& option : described.options()) {
    const boost::any& value = call.options[option->long_name()].value();
    const std::string name = "--" + option->long_name();
    if (name == "--quiet" || name == "--progress") continue;
    if (const auto* is_set = boost::any_cast<bool>(&value)) {
      if (*is_set) out.push_back(name);
    } else if (const auto* text = boost::any_cast<std::string>(&value)) {
      out.push_back(name + "=" + *text);
    } else if (const auto* texts = boost::any_cast<std::vector<std::string>>(&value)) {
      for (const std::string& each : *texts) out.push_back(name + "=" + each);
    }
  }
  return out;
}

std::vector<RunRequest> sweep_of(const std::string& command, const RunRequest& request) {
  std::vector<RunRequest> out = runs_of(request);
  if (out.front().member.name.empty())
    throw_error<ConfigError>("{}: {} has no `sweep:`; accepted: a file with one", command,
                             request.config.string());
  return out;
}

}  // namespace quantdyn
