// `quantdyn new`.
#include "experiments/commands/command.h"
#include "experiments/reference/starting_point.h"

namespace quantdyn {
namespace {

po::options_description options() {
  po::options_description out("options");
  add_output_file(out);
  return out;
}

void start(const CommandCall& call) {
  const std::string& file = call.only_choice("new", {"experiment", "network"});
  answer_with_file(call, "new", starting_point(file));
}

}  // namespace

Command new_command() {
  return {"new",
          "experiment|network",
          "a YAML file to start from, with comments on what else there is",
          options(),
          start,
          "quantdyn new experiment --output my_experiment.yaml"};
}

}  // namespace quantdyn
