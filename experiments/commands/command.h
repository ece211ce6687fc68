// What a command of the program is: a row of the table in main.cpp.
#pragma once

#include <boost/program_options.hpp>
#include <optional>
#include <string>
#include <vector>

namespace quantdyn {

namespace po = boost::program_options;

/// What the command line says after the command's name.
struct CommandCall {
  std::vector<std::string> files;  ///< or whatever else stands alone
  po::variables_map options;
  std::string command_line;  ///< all of it, for the record

  /// Whether a switch is set.
  bool has(const char* name) const { return options[name].as<bool>(); }
  /// The value of an option, where it was given or has a default.
  template <typename T>
  std::optional<T> value(const char* name) const {
    if (!options.count(name)) return std::nullopt;
    return options[name].as<T>();
  }
  /// The one file; ConfigError where there is none or more.
  const std::string& only_file(const std::string& command) const;
};

/// One command. `run` prints what was asked for on the standard output stream and throws what went
/// wrong.
struct Command {
  std::string name;
  std::string arguments;  ///< as in "quantdyn run CONFIG [options]"
  std::string summary;    ///< one line
  po::options_description options;
  void (*run)(const CommandCall& call);
};

Command run_command();
Command validate_command();
Command inspect_command();
Command compare_command();
Command merge_command();
Command export_command();
Command bench_command();
Command list_command();

/// Of the commands that make layers, quantizers or statistics: adds --plugin.
void add_plugin_option(po::options_description& options);

}  // namespace quantdyn
