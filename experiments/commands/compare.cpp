// `quantdyn compare`.
#include "experiments/commands/command.h"
#include "experiments/commands/compare_results.h"
#include "experiments/terminal/output.h"
#include "framework/base/error.h"

namespace quantdyn {
namespace {

po::options_description options() {
  po::options_description out("options");
  auto add = out.add_options();
  add("variant", po::value<std::string>()->value_name("NAME"),
      "the variant of the comparison; default: the one in both results whose accuracies "
      "differ most");
  add("tensor", po::value<std::string>()->value_name("NAME"),
      "all quantities of one tensor, such as weight or output");
  return out;
}

void compare(const CommandCall& call) {
  if (call.files.size() != 2)
    throw_error<ConfigError>("compare: expected two results, found {} arguments",
                             call.files.size());
  print_result(compare_results({call.files[0], call.files[1], call.value<std::string>("variant"),
                                call.value<std::string>("tensor")}));
}

}  // namespace

Command compare_command() {
  return {
      "compare", "A.h5 B.h5", "two results node by node, and what differs most",
      options(), compare,     "quantdyn compare results/regular/result.h5 results/dws/result.h5"};
}

}  // namespace quantdyn
