// `quantdyn sweep list`.
#include "experiments/commands/experiment_options.h"
#include "experiments/terminal/output.h"
#include "experiments/text/table.h"

namespace quantdyn {
namespace {

po::options_description options() {
  po::options_description out("options");
  add_file_options(out);
  return out;
}

std::string keys_text(const SweepMember& member) {
  std::vector<std::string> out;
  for (const SweepKey& set : member.keys)
    if (set.key != "name") out.push_back(set.key + "=" + set.value);
  return fmt::format("{}", fmt::join(out, "  "));
}

void list(const CommandCall& call) {
  std::vector<std::vector<std::string>> rows{{"number", "member", "keys"}};
  const std::string command = "sweep list";
  for (const RunRequest& run : sweep_of(command, file_request_of(command, call)))
    rows.push_back({std::to_string(run.member.number), run.member.name, keys_text(run.member)});
  print_result(format_table(rows));
}

}  // namespace

Command sweep_list_command() {
  return {"sweep list", "CONFIG", "the members of a sweep with their numbers",
          options(),    list,     "quantdyn sweep list experiments/study/families.yaml"};
}

}  // namespace quantdyn
