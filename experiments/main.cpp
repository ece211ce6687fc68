// The program `quantdyn`: finds the command, reads its options, runs it.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <sstream>
#include <system_error>
#include <thread>

#include "experiments/commands/command.h"
#include "experiments/terminal/output.h"
#include "experiments/terminal/process_guards.h"
#include "experiments/text/nearest_words.h"
#include "framework/base/error.h"
#include "framework/base/gemm.h"
#include "framework/base/mpi_ranks.h"
#include "framework/base/ranks.h"
#include "framework/base/stop_flag.h"
#include "framework/base/threads.h"
#include "framework/base/version.h"
#include "framework/config/plugin_library.h"
#include "framework/config/registration.h"

namespace quantdyn {
namespace {

std::vector<Command> commands() {
  return {
      run_command(),       validate_command(),     finish_command(),      inspect_command(),
      explain_command(),   compare_command(),      correlate_command(),   merge_command(),
      export_command(),    figures_command(),      report_command(),      bench_command(),
      list_command(),      schema_command(),       new_command(),         sweep_list_command(),
      sweep_run_command(), sweep_status_command(), sweep_table_command(), sweep_slurm_command()};
}

po::options_description general_options() {
  po::options_description out("options of all commands");
  auto add = out.add_options();
  add("help,h", "print this; after a command its options");
  add("version", "print the version");
  add("threads", po::value<int>()->value_name("N"), "threads; default: one for each core");
  return out;
}

std::string text_of(const po::options_description& options) {
  std::ostringstream out;
  out << options;
  return std::move(out).str();
}

std::string usage() {
  std::string out = "quantdyn: why does this convolutional net quantize well or badly?\n\n";
  for (const Command& command : commands())
    out += fmt::format("  quantdyn {:<34} {}\n", command.name + " " + command.arguments,
                       command.summary);
  return out + "\n";
}

/// "; did you mean --output?" of "--ouput=x".
std::string near_option(const std::string& given) {
  std::vector<std::string> known{"--help", "--version", "--threads"};
  for (const Command& command : commands())
    for (const auto& option : command.options.options())
      known.push_back("--" + option->long_name());
  const std::string near = nearest_words(given.substr(0, given.find('=')), known);
  return near.empty() ? "" : fmt::format("; did you mean {}?", near);
}

/// The positional words and the given options, whatever command they belong to.
struct Words {
  std::vector<std::string> words, options;
};

void add_words(po::options_description& options) {
  options.add_options()("words", po::value<std::vector<std::string>>());
}

po::parsed_options parse(int argc, char** argv, const po::options_description& options) {
  po::positional_options_description positions;
  positions.add("words", -1);
  return po::command_line_parser(argc, argv).options(options).positional(positions).run();
}

Words words_of(int argc, char** argv) {
  po::options_description all;
  all.add(general_options());
  for (const Command& command : commands())
    for (const auto& option : command.options.options())
      if (all.find_nothrow(option->long_name(), false) == nullptr) all.add(option);
  add_words(all);
  Words out;
  for (const po::option& option : parse(argc, argv, all).options)
    if (option.string_key == "words")
      out.words.insert(out.words.end(), option.value.begin(), option.value.end());
    else
      out.options.push_back(option.string_key);
  return out;
}

/// The command that the first word names, or the first two: "sweep list".
Command find_command(const std::vector<std::string>& words) {
  const std::string two = words.size() > 1 ? words[0] + " " + words[1] : words[0];
  std::vector<std::string> names, longer;
  for (const Command& command : commands()) {
    if (command.name == words[0] || command.name == two) return command;
    names.push_back(command.name);
    if (command.name.starts_with(words[0] + " ")) longer.push_back(command.name);
  }
  const std::vector<std::string>& known = longer.empty() ? names : longer;
  const std::string near = nearest_words(longer.empty() ? words[0] : two, known);
  throw_error<ConfigError>("unknown command '{}'{} accepted: {}", longer.empty() ? words[0] : two,
                           near.empty() ? ";" : fmt::format("; did you mean {}?", near),
                           fmt::join(known, ", "));
}

/// Refuses options that the command does not read.
void check_options(const Command& command, const std::vector<std::string>& given) {
  std::vector<std::string> accepted;
  for (const auto& option : command.options.options()) accepted.push_back(option->long_name());
  accepted.emplace_back("threads");
  for (const std::string& name : given)
    if (std::ranges::find(accepted, name) == accepted.end())
      throw_error<ConfigError>("{}: --{} does nothing here; accepted: --{}", command.name, name,
                               fmt::join(accepted, ", --"));
}

CommandCall call_of(int argc, char** argv, const Command& command) {
  po::options_description options;
  options.add(general_options()).add(command.options);
  add_words(options);
  CommandCall out;
  po::store(parse(argc, argv, options), out.options);
  po::notify(out.options);
  out.files = out.options["words"].as<std::vector<std::string>>();
  out.files.erase(out.files.begin(), out.files.begin() + 1 + std::ranges::count(command.name, ' '));
  out.arguments.assign(argv, argv + argc);
  out.command_line = fmt::format("{}", fmt::join(out.arguments, " "));
  return out;
}

void prepare(const CommandCall& call) {
  const int cores = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  const int threads = call.value<int>("threads").value_or(cores);
  if (threads < 1 || threads > 1024)
    throw_error<ConfigError>("--threads {}: accepted: from 1 to 1024", threads);
  set_worker_count(threads);
  start_gemm();
  const auto plugins = call.value<std::vector<std::string>>("plugin");
  for (const std::string& file : plugins.value_or(std::vector<std::string>{})) try {
      load_plugin_library(file);
    } catch (const ConfigError& e) {
      throw_error<ConfigError>("--plugin {}", e.what());
    }
}

int run_main(int argc, char** argv) {
  check_registrations();
  for (const Command& command : commands())
    if (command.reads_arguments && argc > 1 && command.name == argv[1]) {
      command.run({{}, {}, {argv, argv + argc}, ""});
      return 0;
    }
  const Words given = words_of(argc, argv);
  const auto has = [&](const char* name) {
    return std::ranges::find(given.options, name) != given.options.end();
  };
  if (has("version")) {
    print_result(fmt::format("quantdyn {}\n", library_version));
    return 0;
  }
  if (given.words.empty()) {
    (has("help") ? print_result : print_note)(usage() + text_of(general_options()));
    return has("help") ? 0 : 2;
  }
  const Command command = find_command(given.words);
  if (command.reads_arguments)
    throw_error<ConfigError>(
        "{}: options before the command do nothing here; accepted: quantdyn {} "
        "--help",
        command.name, command.name);
  if (has("help")) {
    print_result(fmt::format("quantdyn {} {} [options]: {}\n\n{}\n{}{}\nexample:\n  {}\n",
                             command.name, command.arguments, command.summary,
                             text_of(command.options),
                             command.more_help ? command.more_help() + "\n" : "",
                             text_of(general_options()), command.example));
    return 0;
  }
  check_options(command, given.options);
  if (std::unique_ptr<Ranks> all = join_mpi_ranks()) {
    if (command.name != "run")
      throw_error<ConfigError>("{}: started as {} processes; accepted: one, or the command run",
                               command.name, all->count());
    set_ranks(std::move(all));
  }
  const CommandCall call = call_of(argc, argv, command);
  prepare(call);
  command.run(call);
  return 0;
}

/// Prints what ends the program. What rank 0 finds, too, it says for all, and ends them.
void report(const std::string& what) {
  const int rank = ranks().rank();
  if (rank > 0) std::this_thread::sleep_for(std::chrono::seconds(2));
  print_error(rank > 0 ? fmt::format("rank {}: {}", rank, what) : what);
}

/// The exit code; what ended the program otherwise is reported.
int run_and_report(int argc, char** argv) {
  try {
    const int status = run_main(argc, argv);
    return flush_results() ? status : 128 + SIGPIPE;
  } catch (const Stopped& stopped) {
    report(stopped.what());
    return 128 + stopped.signal();  // as a shell says of a process that the signal ended
  } catch (const boost::program_options::unknown_option& e) {
    report(fmt::format("{}{}; see quantdyn --help", e.what(), near_option(e.get_option_name())));
    return 2;
  } catch (const boost::program_options::error& e) {
    report(std::string(e.what()) + "; see quantdyn --help");
    return 2;
  } catch (const ConfigError& e) {
    report(e.what());
    return 2;
  } catch (const std::bad_alloc&) {
    report("out of memory");
  } catch (const std::system_error& e) {
    report(e.code() == std::errc::resource_unavailable_try_again
               ? "out of memory: a thread cannot be started; accepted: fewer --threads, or a "
                 "larger limit of memory or processes"
               : e.what());
  } catch (const std::exception& e) {
    report(e.what());
  } catch (...) {  // only a plugin throws such a thing
    report("a plugin threw something other than std::exception");
  }
  return 1;
}

}  // namespace
}  // namespace quantdyn

int main(int argc, char** argv) {
  quantdyn::guard_process();
  const int status = quantdyn::run_and_report(argc, argv);
  // The others would wait for this one.
  if (status != 0 && !quantdyn::is_alone()) quantdyn::ranks().abort(status);
  quantdyn::set_ranks(nullptr);
  return status;
}
