#include "experiments/commands/command.h"

#include "framework/base/error.h"

namespace quantdyn {

const std::string& CommandCall::only_file(const std::string& command) const {
  if (files.size() != 1)
    throw_error<ConfigError>("{}: expected one file, found {} arguments", command, files.size());
  return files.front();
}

void add_plugin_option(po::options_description& options) {
  options.add_options()("plugin",
                        po::value<std::vector<std::string>>()->composing()->value_name("FILE"),
                        "load a shared library with plugins of your own; may be repeated");
}

}  // namespace quantdyn
