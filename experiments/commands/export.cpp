// `quantdyn export`.
#include <iostream>

#include "experiments/commands/command.h"
#include "experiments/commands/export_result.h"

namespace quantdyn {
namespace {

po::options_description options() {
  po::options_description out("options");
  auto add = out.add_options();
  add("output", po::value<std::string>()->value_name("FILE"), "the Keras model");
  add("epoch", po::value<int64_t>()->value_name("N"),
      "the epoch whose weights are written; default: the last");
  add("force", po::bool_switch(), "replace a file that is already there");
  add_plugin_option(out);
  return out;
}

void export_model(const CommandCall& call) {
  std::cout << export_result({call.only_file("export"),
                              call.value<std::string>("output").value_or(""),
                              call.value<int64_t>("epoch"), call.has("force")});
}

}  // namespace

Command export_command() {
  return {"export", "RESULT --output MODEL.h5", "a result's trained net as a Keras model",
          options(), export_model};
}

}  // namespace quantdyn
