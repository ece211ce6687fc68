#include "experiments/commands/command.h"

#include <algorithm>
#include <filesystem>

#include "experiments/terminal/output.h"
#include "framework/base/durable_file.h"
#include "framework/base/error.h"

namespace quantdyn {

const std::string& CommandCall::only_file(const std::string& command) const {
  if (files.size() != 1)
    throw_error<ConfigError>("{}: expected one file, found {} arguments", command, files.size());
  return files.front();
}

const std::string& CommandCall::only_choice(const std::string& command,
                                            const std::vector<std::string>& accepted) const {
  if (files.size() != 1 || std::ranges::find(accepted, files[0]) == accepted.end())
    throw_error<ConfigError>("{}: expected one word, found '{}'; accepted: {}", command,
                             fmt::join(files, " "), fmt::join(accepted, ", "));
  return files.front();
}

void add_output_file(po::options_description& options) {
  options.add_options()("output,o", po::value<std::string>()->value_name("FILE"),
                        "write it there; a file that exists is kept, and an error");
}

void answer_with_file(const CommandCall& call, const std::string& command,
                      const std::string& text) {
  const std::string file = call.value<std::string>("output").value_or("");
  if (file.empty()) return print_result(text);
  if (std::error_code ignored; std::filesystem::exists(file, ignored))
    throw_error<ConfigError>("{}: {} exists; accepted: another --output", command, file);
  write_durably(file, text);
}

void add_plugin_option(po::options_description& options) {
  options.add_options()("plugin",
                        po::value<std::vector<std::string>>()->composing()->value_name("FILE"),
                        "load a shared library with plugins of your own; may be repeated");
}

}  // namespace quantdyn
