// `quantdyn list`.
#include <unistd.h>

#include "experiments/commands/command.h"
#include "experiments/reference/reference_text.h"
#include "experiments/terminal/output.h"
#include "framework/base/error.h"

namespace quantdyn {
namespace {

po::options_description options() {
  po::options_description out("options");
  add_plugin_option(out);
  return out;
}

void list(const CommandCall& call) {
  if (call.files.size() > 1)
    throw_error<ConfigError>("list: expected one name or none, found {}", call.files.size());
  const size_t columns = isatty(STDOUT_FILENO) == 1 ? terminal_columns() : 0;
  print_result(reference_text(call.files.empty() ? "" : call.files[0], columns));
}

}  // namespace

Command list_command() {
  return {"list",
          "[NAME]",
          "the keys of YAML files, and plugins with their options: all, or what NAME is",
          options(),
          list,
          "quantdyn list track"};
}

}  // namespace quantdyn
