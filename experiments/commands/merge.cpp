// `quantdyn merge`.
#include "experiments/commands/command.h"
#include "experiments/results/merge_results.h"
#include "experiments/terminal/output.h"

namespace quantdyn {
namespace {

po::options_description options() {
  po::options_description out("options");
  auto add = out.add_options();
  add("output", po::value<std::string>()->value_name("FILE"), "the merged file");
  add("force", po::bool_switch(), "replace a file that is already there");
  return out;
}

void merge(const CommandCall& call) {
  print_result(merge_results({{call.files.begin(), call.files.end()},
                              call.value<std::string>("output").value_or(""),
                              call.command_line,
                              call.has("force")}));
}

}  // namespace

Command merge_command() {
  return {"merge", "A.h5 B.h5... --output M.h5", "results of several seeds as mean and interval",
          options(), merge};
}

}  // namespace quantdyn
