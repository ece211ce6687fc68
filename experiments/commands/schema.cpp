// `quantdyn schema`.
#include "experiments/commands/command.h"
#include "experiments/reference/json_schema.h"

namespace quantdyn {
namespace {

po::options_description options() {
  po::options_description out("options");
  add_output_file(out);
  add_plugin_option(out);
  return out;
}

void schema(const CommandCall& call) {
  const std::string& file = call.only_choice("schema", {"experiment", "network"});
  answer_with_file(call, "schema", json_schema(reference(), file));
}

}  // namespace

Command schema_command() {
  return {"schema",
          "experiment|network",
          "a JSON Schema of such a YAML file, for editors that check and complete it",
          options(),
          schema,
          "quantdyn schema experiment --output experiment.schema.json"};
}

}  // namespace quantdyn
