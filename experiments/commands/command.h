// What a command of the program is: a row of the table in main.cpp.
#pragma once

#include <boost/program_options.hpp>
#include <optional>
#include <string>
#include <vector>

namespace quantdyn {

namespace po = boost::program_options;

/// The command line after the command's name.
struct CommandCall {
  std::vector<std::string> files;  ///< or other arguments that are not options
  po::variables_map options;
  std::vector<std::string> arguments;  ///< all words, from the program's name on
  std::string command_line;            ///< the same in one line, for the record

  /// Whether a switch is set.
  bool has(const char* name) const { return options[name].as<bool>(); }
  /// The value of an option, if it was given or has a default.
  template <typename T>
  std::optional<T> value(const char* name) const {
    if (!options.count(name)) return std::nullopt;
    return options[name].as<T>();
  }
  /// The only file; ConfigError if there are none or several.
  const std::string& only_file(const std::string& command) const;
  /// The only argument; ConfigError if it is none of `accepted`.
  const std::string& only_choice(const std::string& command,
                                 const std::vector<std::string>& accepted) const;
};

/// One command. `run` prints its answer to the standard output stream, and throws an exception if
/// it fails.
struct Command {
  std::string name;       ///< one word or two: "run", "sweep list"
  std::string arguments;  ///< as in "quantdyn run CONFIG [options]"
  std::string summary;    ///< one line
  po::options_description options;
  void (*run)(const CommandCall& call);
  std::string example;                   ///< one use of it, printed after the options
  std::string (*more_help)() = nullptr;  ///< printed after the options
  bool reads_arguments = false;          ///< itself: all words after its name, --help among them
};

Command run_command();
Command validate_command();
Command finish_command();
Command inspect_command();
Command explain_command();
Command compare_command();
Command correlate_command();
Command merge_command();
Command export_command();
Command figures_command();
Command report_command();
Command bench_command();
Command list_command();
Command schema_command();
Command new_command();
Command sweep_list_command();
Command sweep_run_command();
Command sweep_status_command();
Command sweep_table_command();
Command sweep_slurm_command();

/// Adds --output, for commands that answer with a file's text, and answers: prints it, or writes it
/// there. ConfigError where the file exists.
void add_output_file(po::options_description& options);
void answer_with_file(const CommandCall& call, const std::string& command, const std::string& text);

/// Adds --plugin, for commands that make layers, quantizers or statistics.
void add_plugin_option(po::options_description& options);

}  // namespace quantdyn
