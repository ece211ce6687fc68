#include "experiments/commands/experiment_options.h"

namespace quantdyn {

po::options_description experiment_options() {
  po::options_description out("options");
  auto add = out.add_options();
  add("set", po::value<std::vector<std::string>>()->composing()->value_name("KEY=VALUE"),
      "set a key of the YAML, as in --set train.epochs=3; may be repeated");
  add("output", po::value<std::string>()->value_name("DIR"),
      "folder of the result, instead of the YAML's");
  add("no-fuse", po::bool_switch(), "run every primitive by its readable reference");
  add("force", po::bool_switch(), "replace a result that is already there");
  add("ignore-limits", po::bool_switch(),
      "run, though more memory or disk may be needed than there is");
  add("quiet", po::bool_switch(), "no progress, results only");
  add_plugin_option(out);
  return out;
}

RunRequest request_of(const std::string& command, const CommandCall& call) {
  RunRequest out;
  out.command_line = call.command_line;
  out.config = call.only_file(command);
  out.sets = call.value<std::vector<std::string>>("set").value_or(std::vector<std::string>{});
  if (call.has("no-fuse")) out.sets.emplace_back("compute.fuse=false");
  out.output = call.value<std::string>("output").value_or("");
  out.force = call.has("force");
  out.ignore_limits = call.has("ignore-limits");
  return out;
}

}  // namespace quantdyn
