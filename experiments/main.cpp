// The program `quantdyn`: its commands and their arguments.
#include <algorithm>
#include <boost/program_options.hpp>
#include <iostream>
#include <map>
#include <optional>
#include <thread>

#include "experiments/commands/bench.h"
#include "experiments/commands/compare_results.h"
#include "experiments/commands/export_result.h"
#include "experiments/commands/inspect_network.h"
#include "experiments/commands/inspect_result.h"
#include "experiments/commands/list_plugins.h"
#include "experiments/keras/import.h"
#include "experiments/results/merge_results.h"
#include "experiments/run/network_file.h"
#include "experiments/run/run.h"
#include "experiments/run/summary.h"
#include "framework/base/gemm.h"
#include "framework/base/threads.h"

namespace quantdyn {
namespace {

namespace po = boost::program_options;

constexpr const char* usage = R"(quantdyn: why does this convolutional net quantize well or badly?

  quantdyn run CONFIG [options]       train, quantize, track and write result.h5
  quantdyn validate CONFIG [options]  check an experiment and its data, compute nothing
  quantdyn inspect FILE...            the layers of a network YAML or a Keras model.h5; the tables of a
                                      result.h5; of several results a table with a row a variant
  quantdyn compare A.h5 B.h5          two results node by node, and what differs most
  quantdyn merge A.h5 B.h5... --output M.h5  results of several seeds as mean and interval
  quantdyn export RESULT --output MODEL.h5  a result's trained net as a Keras model
  quantdyn bench NETWORK --mode MODE  images per second of one net on random input, as a line of JSON
  quantdyn list [NAME]                plugins with their options: all, one kind, or one plugin

)";

po::options_description options() {
  po::options_description out("options");
  auto add = out.add_options();
  add("help,h", "print this");
  add("version", "print the version");
  add("set", po::value<std::vector<std::string>>()->composing()->value_name("KEY=VALUE"),
      "set a key of the YAML, as in --set train.epochs=3; may be repeated");
  add("output", po::value<std::string>()->value_name("DIR"),
      "folder of the result, instead of the YAML's; export, merge: the file");
  add("epoch", po::value<int64_t>()->value_name("N"),
      "export: the epoch whose weights are written; default: the last; inspect: that of the layer "
      "tables");
  add("snapshot", po::value<int64_t>()->value_name("N"),
      "inspect: the snapshot of the layer tables; default: the last float32 one and the variant "
      "with the least accuracy");
  add("variant", po::value<std::string>()->value_name("NAME"),
      "inspect: the variant of the layer tables; compare: of the comparison; default: of those in "
      "both results the one whose accuracies differ most");
  add("layer", po::value<std::string>()->value_name("NAME"),
      "inspect: all about one layer and its extreme channels");
  add("tensor", po::value<std::string>()->value_name("NAME"),
      "inspect, compare: all quantities of one tensor, such as weight or output");
  add("threads", po::value<int>()->value_name("N"), "threads; default: one for each core");
  add("mode", po::value<std::string>()->default_value("")->value_name("MODE"),
      "bench: train, infer or stats");
  add("batch", po::value<int64_t>()->default_value(128)->value_name("N"),
      "bench: images of a step");
  add("seconds", po::value<double>()->default_value(5)->value_name("S"), "bench: how long to run");
  add("no-fuse", po::bool_switch(), "run every primitive by its readable reference");
  add("force", po::bool_switch(), "replace a result that is already there");
  add("quiet", po::bool_switch(), "no progress, results only");
  return out;
}

RunRequest request_of(const po::variables_map& arguments, const std::string& config,
                      const std::string& command_line) {
  RunRequest out;
  out.command_line = command_line;
  out.config = config;
  if (arguments.count("set")) out.sets = arguments["set"].as<std::vector<std::string>>();
  if (arguments["no-fuse"].as<bool>()) out.sets.emplace_back("compute.fuse=false");
  if (arguments.count("output")) out.output = arguments["output"].as<std::string>();
  out.force = arguments["force"].as<bool>();
  out.quiet = arguments["quiet"].as<bool>();
  return out;
}

ExportRequest export_request_of(const po::variables_map& arguments, const std::string& result) {
  ExportRequest out;
  out.result = result;
  if (arguments.count("output")) out.output = arguments["output"].as<std::string>();
  if (arguments.count("epoch")) out.epoch = arguments["epoch"].as<int64_t>();
  out.force = arguments["force"].as<bool>();
  return out;
}

template <typename T>
std::optional<T> given(const po::variables_map& arguments, const char* name) {
  if (!arguments.count(name)) return std::nullopt;
  return arguments[name].as<T>();
}

InspectRequest inspect_request_of(const po::variables_map& arguments) {
  return {{given<int64_t>(arguments, "snapshot"), given<int64_t>(arguments, "epoch"),
           given<std::string>(arguments, "variant")},
          given<std::string>(arguments, "layer"),
          given<std::string>(arguments, "tensor")};
}

/// One network or result in full; of several results the summary, a row a variant.
void inspect(const std::vector<std::string>& files, const InspectRequest& request) {
  const bool chooses = request.choice.is_made() || request.layer || request.tensor;
  const auto refuse_choice = [&](const char* what) {
    if (chooses)
      fail<ConfigError>(
          "inspect: --snapshot, --variant, --epoch, --layer and --tensor do nothing here: {}; "
          "accepted: one result",
          what);
  };
  for (const std::string& file : files)
    if (!std::filesystem::is_regular_file(file)) fail<ConfigError>("{}: no such file", file);
  if (files.size() > 1) {
    refuse_choice("several results were given");
    std::cout << summary_table(std::vector<std::filesystem::path>(files.begin(), files.end()));
  } else if (files[0].ends_with(".yaml") || files[0].ends_with(".yml") ||
             holds_keras_model(files[0])) {
    refuse_choice("a network was given");
    const Options none = Options::from_text("{}", "command line");
    std::cout << network_table(read_network_file(files[0], none).network);
  } else {
    std::cout << inspect_result(files[0], request);
  }
}

/// Refuses options that the command does not read.
void check_options(const std::string& command, const po::variables_map& arguments) {
  static const std::map<std::string, std::vector<std::string>> accepted{
      {"run", {"set", "output", "no-fuse", "force", "quiet"}},
      {"validate", {"set", "output", "no-fuse", "force", "quiet"}},
      {"inspect", {"snapshot", "variant", "epoch", "layer", "tensor"}},
      {"compare", {"variant", "tensor"}},
      {"merge", {"output", "force"}},
      {"export", {"output", "epoch", "force"}},
      {"bench", {"mode", "batch", "seconds"}},
      {"list", {}}};
  const auto known = accepted.find(command);
  if (known == accepted.end())
    fail<ConfigError>(
        "unknown command '{}'; accepted: run, validate, inspect, compare, merge, export, "
        "bench, list",
        command);
  std::vector<std::string> names = known->second;
  names.emplace_back("threads");
  for (const auto& [name, value] : arguments)
    if (name != "words" && !value.defaulted() && std::ranges::find(names, name) == names.end())
      fail<ConfigError>("{}: --{} does nothing here; accepted: --{}", command, name,
                        fmt::join(names, ", --"));
}

void set_threads(const po::variables_map& arguments) {
  const int cores = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  const int threads = arguments.count("threads") ? arguments["threads"].as<int>() : cores;
  if (threads < 1 || threads > 1024)
    fail<ConfigError>("--threads {}: accepted: from 1 to 1024", threads);
  set_worker_count(threads);
}

int dispatch(const std::vector<std::string>& words, const po::variables_map& arguments,
             const std::string& command_line) {
  const std::string& command = words.front();
  check_options(command, arguments);
  if (command == "list") {
    if (words.size() > 2)
      fail<ConfigError>("list: expected one name or none, found {}", words.size() - 1);
    std::cout << list_plugins(words.size() == 2 ? words[1] : "");
    return 0;
  }
  if (command == "inspect" && words.size() >= 2) {
    inspect({words.begin() + 1, words.end()}, inspect_request_of(arguments));
    return 0;
  }
  if (command == "compare") {
    if (words.size() != 3)
      fail<ConfigError>("compare: expected two results, found {} arguments", words.size() - 1);
    std::cout << compare_results({words[1], words[2], given<std::string>(arguments, "variant"),
                                  given<std::string>(arguments, "tensor")});
    return 0;
  }
  if (command == "merge") {
    std::cout << merge_results(
        {{words.begin() + 1, words.end()},
         arguments.count("output") ? arguments["output"].as<std::string>() : "",
         command_line,
         arguments["force"].as<bool>()});
    return 0;
  }
  if (words.size() != 2)
    fail<ConfigError>("{}: expected one file, found {} arguments", command, words.size() - 1);
  if (command == "run") run_experiment(request_of(arguments, words[1], command_line));
  if (command == "export") std::cout << export_result(export_request_of(arguments, words[1]));
  if (command == "bench")
    std::cout << bench({words[1], arguments["mode"].as<std::string>(),
                        arguments["batch"].as<int64_t>(), arguments["seconds"].as<double>()})
              << "\n";
  if (command == "validate")
    std::cout << validate_experiment(request_of(arguments, words[1], command_line));
  return 0;
}

int run_main(int argc, char** argv) {
  po::options_description hidden;
  hidden.add_options()("words", po::value<std::vector<std::string>>());
  po::options_description all;
  all.add(options()).add(hidden);
  po::positional_options_description positions;
  positions.add("words", -1);
  po::variables_map arguments;
  po::store(po::command_line_parser(argc, argv).options(all).positional(positions).run(),
            arguments);
  po::notify(arguments);
  if (arguments.count("version")) {
    std::cout << "quantdyn " QUANTDYN_VERSION "\n";
    return 0;
  }
  if (arguments.count("help")) {
    std::cout << usage << options();
    return 0;
  }
  if (!arguments.count("words")) {
    std::cerr << usage << options();
    return 2;
  }
  set_threads(arguments);
  start_gemm();
  return dispatch(arguments["words"].as<std::vector<std::string>>(), arguments,
                  fmt::format("{}", fmt::join(argv, argv + argc, " ")));
}

}  // namespace
}  // namespace quantdyn

int main(int argc, char** argv) {
  try {
    return quantdyn::run_main(argc, argv);
  } catch (const boost::program_options::error& e) {
    std::cerr << "quantdyn: " << e.what() << "; see quantdyn --help\n";
    return 2;
  } catch (const quantdyn::ConfigError& e) {
    std::cerr << "quantdyn: " << e.what() << "\n";
    return 2;
  } catch (const std::bad_alloc&) {
    std::cerr << "quantdyn: out of memory\n";
  } catch (const std::exception& e) {
    std::cerr << "quantdyn: " << e.what() << "\n";
  }
  return 1;
}
