// The program's commands, arguments and exit codes: 0 done, 1 failed at run time, 2 wrong usage.
#include <sys/wait.h>

#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <sstream>

#include "data/dataset.h"
#include "experiments/results/result_reader.h"
#include "framework/base/durable_file.h"
#include "framework/base/version.h"
#include "framework/learning/optimizer.h"
#include "framework/learning/schedule.h"
#include "quant/quantizers/quantizer.h"
#include "quant/ranges/range_estimator.h"
#include "stats/tracking/statistic.h"
#include "tests/experiments/program.h"

using namespace quantdyn;
using namespace quantdyn::test;
namespace fs = std::filesystem;

namespace {

struct Program : Workplace {
  /// The exit code of the program with arguments and redirections as a shell reads them.
  int in_shell(const std::string& arguments) const {
    const int status = std::system(
        fmt::format("cd '{}' && '{}' {}", path.string(), QUANTDYN_PROGRAM, arguments).c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  void expect_usage_error(const std::vector<std::string>& arguments,
                          const std::string& message) const {
    const Outcome outcome = run(arguments);
    BOOST_TEST(outcome.exit_code == 2, message);
    BOOST_TEST(contains(outcome.err, message), outcome.err << " does not hold: " << message);
    BOOST_TEST(outcome.out == "");
  }
};

/// The lines of `quantdyn list` about one plugin: its own and the indented ones after it.
std::string lines_about(const std::string& listing, const std::string& kind,
                        const std::string& plugin) {
  std::string out, current_kind;
  std::istringstream in(listing);
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with("  ")) current_kind = line;
    const bool begins = current_kind == kind && line.starts_with("  " + plugin + ": ");
    if (begins || (!out.empty() && line.starts_with("      ")))
      out += line + "\n";
    else if (!out.empty())
      break;
  }
  return out;
}

/// Every plugin of a registry is listed, with every option that its factory asks for.
template <typename Product, typename... Args>
void expect_listed(const std::string& listing, const std::string& kind, const Args&... args) {
  const auto& entries = Registry<Product, Args...>::instance().entries();
  BOOST_TEST(!entries.empty());
  for (const auto& [name, entry] : entries) {
    std::vector<OptionDescription> options;
    try {
      entry.make(Options::describing(options), args...);
    } catch (const Options::DescriptionDone&) {
    }
    const std::string lines = lines_about(listing, kind, name);
    BOOST_TEST(contains(lines, entry.summary), kind << " " << name << " is not listed");
    for (const OptionDescription& option : options)
      for (const std::string& part : {option.key, option.default_value, option.help})
        BOOST_TEST(contains(lines, part),
                   kind << " " << name << ": no '" << part << "' in " << lines);
  }
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(command_line_test, Program)

BOOST_AUTO_TEST_CASE(files_that_are_no_results_exit_with_2) {
  write("text.h5", "no result");
  for (const char* file : {"text.h5", "networks", "/dev/zero", "missing.h5"})
    for (const std::vector<std::string>& arguments : {std::vector<std::string>{"inspect", file},
                                                      {"explain", file},
                                                      {"compare", file, file},
                                                      {"export", file, "--output", "x.onnx"},
                                                      {"merge", file, file, "--output", "m.h5"}}) {
      const Outcome outcome = run(arguments);
      BOOST_TEST(outcome.exit_code == 2, arguments[0] << " " << file << ": " << outcome.err);
      BOOST_TEST(contains(outcome.err, file), outcome.err);
    }
}

BOOST_AUTO_TEST_CASE(bounds_of_bench_are_said) {
  const auto bench = [&](const std::string& option, const std::string& value) {
    expect_usage_error({"bench", "networks/dws.yaml", "--mode", "infer", option, value},
                       option + " " + value + ": accepted: ");
  };
  for (const char* value : {"9223372036854775807", "65544", "0", "-8", "12"})
    bench("--batch", value);
  for (const char* value : {"inf", "nan", "0", "-1", "86401"}) bench("--seconds", value);
  expect_usage_error({"bench", "networks/dws.yaml", "--mode", "stats", "--layers"},
                     "--layers: with --mode stats; accepted: with train, infer, simulate");
}

BOOST_AUTO_TEST_CASE(wrong_usage_exits_with_2_and_says_what_is_accepted) {
  expect_usage_error({}, "quantdyn run CONFIG");
  expect_usage_error(
      {"frobnicate", "x"},
      "unknown command 'frobnicate'; accepted: run, validate, finish, inspect, explain, "
      "compare, correlate, merge, export, figures, report, bench, list, schema, new, sweep list");
  expect_usage_error({"inspec", "x"}, "unknown command 'inspec'; did you mean inspect? accepted: ");
  expect_usage_error({"new"}, "new: expected one word, found ''; accepted: experiment, network");
  expect_usage_error({"schema", "dws.yaml"}, "schema: expected one word, found 'dws.yaml'; accept");
  expect_usage_error({"run", "tiny.yaml", "--ouput=x"},
                     "unrecognised option '--ouput=x'; did you mean --output?");
  expect_usage_error({"run"}, "run: expected one file, found 0");
  expect_usage_error({"run", "tiny.yaml", "tiny.yaml"}, "run: expected one file, found 2");
  expect_usage_error({"run", "missing.yaml"}, "missing.yaml: no such file");
  expect_usage_error({"run", "networks"}, "networks: a folder, not a file");
  expect_usage_error({"validate", "missing.yaml"}, "missing.yaml: no such file");
  expect_usage_error({"inspect", "missing.yaml"}, "missing.yaml: no such file");
  expect_usage_error({"inspect", "missing.h5"}, "missing.h5: no such file");
  expect_usage_error({"run", "tiny.yaml", "--bogus"}, "unrecognised option '--bogus'");
  expect_usage_error({"run", "tiny.yaml", "--threads", "0"}, "--threads 0: accepted: from 1 to");
  expect_usage_error({"run", "tiny.yaml", "--threads", "many"}, "--threads");
  expect_usage_error({"list", "nonsense"}, "nothing is called 'nonsense'");
  expect_usage_error({"list", "affine", "relu"}, "list: expected one name or none, found 2");
  expect_usage_error({"inspect", "networks/dws.yaml", "--set", "breadth=0.5"},
                     "--set breadth=0.5: breadth: networks/dws.yaml has no such parameter");
  expect_usage_error({"inspect", "networks/dws.yaml", "--set", "width=-1"},
                     "--set width=-1 ($width of networks/dws.yaml:");
  expect_usage_error({"inspect", "networks"}, "networks: a folder without result.h5; accepted: ");
  expect_usage_error({"bench", "networks/dws.yaml", "--quiet"},
                     "bench: --quiet does nothing here; accepted: --mode, --batch");
  expect_usage_error({"run", "tiny.yaml", "--epoch", "3"}, "run: --epoch does nothing here");
  BOOST_TEST(!fs::exists(path / "results"));
}

BOOST_AUTO_TEST_CASE(a_set_that_cannot_be_exits_with_2_and_names_it) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"train.nokey=3",
       "--set train.nokey=3: nokey: unknown key; accepted here: quantization, epochs"},
      {"train..epochs=3", "--set train..epochs=3: expected key=value"},
      {"nonsense", "--set nonsense: expected key=value"},
      {"variants.7.name=a", "--set variants.7.name=a: there is no entry 7; the list has 2"},
      {"variants.first.name=a", "'first' selects an entry of a list"},
      {"train.epochs=-1", "--set train.epochs=-1: epochs: -1 is out of range; accepted"},
      {"train.epochs=1.5", "epochs: expected a whole number"},
      {"variants.0.activations=", "activations: expected a mapping, found nothing; accepted: {}"},
      {"train.optimizer=steepest", "unknown name 'steepest'; accepted: adam, sgd"},
      {"network.depth=3", "networks/dws.yaml has no such parameter; accepted: input"},
  };
  for (const auto& [set, message] : cases)
    expect_usage_error({"validate", "tiny.yaml", "--set", set}, message);
}

BOOST_AUTO_TEST_CASE(help_and_version_exit_with_0) {
  const Outcome help = run({"--help"});
  BOOST_TEST(help.exit_code == 0);
  for (const char* word : {"run CONFIG", "validate CONFIG", "inspect FILE", "compare A.h5 B.h5",
                           "merge A.h5 B.h5", "export RESULT", "bench", "list", "--threads"})
    BOOST_TEST(contains(help.out, word), word);
  BOOST_TEST(run({"--version"}).out == std::string("quantdyn ") + library_version + "\n");
}

BOOST_AUTO_TEST_CASE(help_after_a_command_prints_its_options_and_no_others) {
  const std::vector<std::pair<std::string, std::vector<std::string>>> options = {
      {"run", {"--set", "--output", "--no-fuse", "--force", "--quiet", "--plugin"}},
      {"inspect",
       {"--set", "--snapshot", "--variant", "--epoch", "--layer", "--tensor", "--plugin"}},
      {"export", {"--output", "--format", "--variant", "--epoch", "--force", "--plugin"}},
      {"bench", {"--mode", "--batch", "--seconds", "--plugin"}}};
  for (const auto& [command, names] : options) {
    const Outcome help = run({command, "--help"});
    BOOST_TEST(help.exit_code == 0);
    BOOST_TEST(contains(help.out, "quantdyn " + command + " "));
    for (const auto& [other, all] : options)
      for (const std::string& name : all)
        BOOST_TEST(
            contains(help.out, name + " ") == (std::ranges::find(names, name) != names.end()),
            command << ": " << name);
  }
  expect_usage_error({"frobnicate", "--help"}, "unknown command 'frobnicate'");
}

BOOST_AUTO_TEST_CASE(every_help_ends_with_an_example_that_the_command_would_take) {
  for (const std::string command :
       {"run", "validate", "finish", "inspect", "explain", "compare", "correlate", "merge",
        "export", "bench", "list", "schema", "new", "sweep list", "sweep run", "sweep status",
        "sweep table", "sweep slurm"}) {
    std::istringstream in(command);
    std::vector<std::string> words(std::istream_iterator<std::string>(in), {});
    words.emplace_back("--help");
    const std::string help = run(words).out;
    const size_t at = help.find("\nexample:\n  quantdyn " + command + " ");
    BOOST_REQUIRE_MESSAGE(at != std::string::npos, help);
    std::istringstream example(help.substr(at + 10));
    for (std::string word; example >> word;)
      if (word.starts_with("--"))
        BOOST_TEST(contains(help.substr(0, at), word + " "), command << ": no option " << word);
  }
}

BOOST_AUTO_TEST_CASE(list_names_every_plugin_with_every_option) {
  const Outcome list = run({"list"});
  BOOST_REQUIRE(list.exit_code == 0);
  expect_listed<Layer<float>>(list.out, "layer");
  expect_listed<Initializer>(list.out, "initializer");
  expect_listed<Optimizer>(list.out, "optimizer");
  expect_listed<Schedule>(list.out, "schedule", TrainingLength{1, 1});
  expect_listed<DatasetPair>(list.out, "dataset");
  expect_listed<Quantizer>(list.out, "quantizer");
  expect_listed<RangeEstimator>(list.out, "range_estimator");
  expect_listed<StatisticKind>(list.out, "statistic");
  const Outcome one = run({"list", "affine"});
  BOOST_TEST(one.exit_code == 0);
  BOOST_TEST(contains(one.out, "bit_width"));
  BOOST_TEST(!contains(one.out, "momentum"));
}

BOOST_AUTO_TEST_CASE(inspect_of_a_network_prints_its_layers_and_published_counts) {
  const std::vector<std::pair<std::string, std::string>> counts = {
      {"regular", "576,170 parameters"},
      {"dws", "72,842 parameters"},
      {"mobilenet_v1", "3,217,226 parameters"}};
  for (const auto& [name, parameters] : counts) {
    const Outcome outcome = run({"inspect", "networks/" + name + ".yaml"});
    BOOST_TEST(outcome.exit_code == 0);
    for (const std::string& part : {parameters, std::string("conv1"), std::string("[32, 32, 32]")})
      BOOST_TEST(contains(outcome.out, part), name << ": no " << part << " in " << outcome.out);
  }
}

BOOST_AUTO_TEST_CASE(validate_computes_nothing) {
  const Outcome outcome = run({"validate", "tiny.yaml", "--set", "train.epochs=1000000000"});
  BOOST_TEST(outcome.exit_code == 0, outcome.err);
  BOOST_TEST(
      contains(outcome.out, "tiny.yaml is a valid experiment: 2170 parameters, 256 training"));
  BOOST_TEST(contains(outcome.out, "2 variants"));
  BOOST_TEST(!fs::exists(path / "results"));
}

BOOST_AUTO_TEST_CASE(a_run_writes_a_result_that_inspect_prints) {
  const Outcome outcome = run({"run", "tiny.yaml"});
  BOOST_TEST(outcome.exit_code == 0, outcome.err);
  BOOST_TEST(contains(outcome.err, "epoch 2/2"));  // progress
  BOOST_TEST(contains(outcome.out, "int4"));
  BOOST_TEST(contains(outcome.out, "results/tiny/result.h5"));
  const ResultReader result(path / "results" / "tiny" / "result.h5");
  BOOST_REQUIRE(result.snapshots().size() == 4u);
  BOOST_TEST(result.last("int8").epoch == 2);
  BOOST_TEST(result.row("networkwise/accuracy", result.last())[0] >= 0);

  const Outcome inspected = run({"inspect", "results/tiny/result.h5"});
  BOOST_TEST(inspected.exit_code == 0);
  for (const char* part :
       {"complete", "sep6_pw", "2 epochs", "agreement", "accumulated", "sqnr", "2170"})
    BOOST_TEST(contains(inspected.out, part), part << " is not in " << inspected.out);
  BOOST_TEST(inspected.out.substr(0, 3) == "int");  // the verdict on the worse one of int8, int4
  BOOST_TEST(contains(inspected.out, "quantdyn report results/tiny/result.h5\n"));
}

BOOST_AUTO_TEST_CASE(inspect_prints_numbers_for_programs) {
  BOOST_REQUIRE(run_tiny("out").exit_code == 0);
  const ResultReader result(path / "out/result.h5");
  const std::string csv = run({"inspect", "out", "--csv"}).out;
  BOOST_TEST(csv.starts_with("snapshot,variant,epoch,step,layer,kind,tensor,metric,units,value\n"));
  const SnapshotLabel& int4 = result.last("int4");
  BOOST_TEST(contains(csv, fmt::format("\n{},int4,2,{},,,,accuracy,1,{}\n", int4.index, int4.step,
                                       result.row("networkwise/accuracy", int4)[0])));
  size_t sep2 = 0;
  while (result.network()[sep2].name != "sep2_dw") ++sep2;
  BOOST_TEST(contains(csv, fmt::format(",sep2_dw,depthwise,output,local_sqnr,dB,{}\n",
                                       result.row("layerwise/output/local_sqnr", int4)[sep2])));
  BOOST_TEST(!contains(csv, ",nan\n"));
  const Outcome one = run({"inspect", "out", "--json", "--variant", "int8"});
  BOOST_TEST(contains(one.out, "\"variant\": \"int8\""));
  BOOST_TEST(!contains(one.out, "int4"));
  BOOST_TEST(run({"inspect", "networks/dws.yaml", "--csv"})
                 .out.starts_with(
                     "layer,kind,norm,activation,inputs,output,parameters,multiply_accumulates\n"
                     "input,input,0,,,\"[32, 32, 3]\",0,0\nconv1,conv2d,1,relu,input,"));
  expect_usage_error({"inspect", "out", "--csv", "--json"}, "--csv and --json; accepted: one");
  expect_usage_error({"inspect", "out", "--csv", "--worst", "2"},
                     "--csv and --json are of one file");
}

BOOST_AUTO_TEST_CASE(quiet_prints_results_only) {
  const Outcome outcome = run_tiny("out");
  BOOST_TEST(outcome.exit_code == 0);
  BOOST_TEST(outcome.err == "");
  BOOST_TEST(contains(outcome.out, "int8"));
}

BOOST_AUTO_TEST_CASE(output_that_cannot_be_written_exits_with_1) {
  for (const char* command :
       {"list", "--version", "--help", "run --help", "validate tiny.yaml",
        "run tiny.yaml --output out", "inspect out/result.h5", "inspect networks/dws.yaml",
        "explain out/result.h5", "explain out/result.h5 --json",
        "compare out/result.h5 out/result.h5", "export out/result.h5 --output a.onnx",
        "bench networks/dws.yaml --mode infer --batch 8 --seconds 0.01"})
    BOOST_TEST(in_shell(fmt::format("{} > /dev/full 2> err.txt", command)) == 1, command);
  BOOST_TEST(contains(text_of(path / "err.txt"), "quantdyn: standard output: cannot be written"));
}

BOOST_AUTO_TEST_CASE(progress_that_cannot_be_written_does_not_end_a_run) {
  const std::string run = "run tiny.yaml --set train.epochs=1 --output ";
  const auto check = [&](const std::string& output, const std::string& streams) {
    BOOST_TEST(in_shell(run + output + streams) == 0, streams);
    BOOST_TEST(ResultReader(path / output / "result.h5").last().epoch == 1);
  };
  check("full", " > out.txt 2> /dev/full");
  check("closed", " <&- >&- 2>&-");
  check("gone", " > out.txt 2>&1 | true");
}

BOOST_AUTO_TEST_CASE(a_reader_of_the_results_that_is_gone_is_no_error) {
  // The reader ends first: the program's output is more than a pipe holds.
  const std::string command =
      fmt::format("({{ '{}' list 2> err.txt; echo $? > code.txt; }} | true)", QUANTDYN_PROGRAM);
  BOOST_TEST(std::system(fmt::format("cd '{}' && {}", path.string(), command).c_str()) == 0);
  BOOST_TEST(text_of(path / "code.txt") == "141\n");
  BOOST_TEST(text_of(path / "err.txt") == "");
}

BOOST_AUTO_TEST_CASE(a_file_that_may_not_grow_ends_in_a_message) {
  const std::string command = fmt::format(
      "cd '{}' && ulimit -f 8 && '{}' run tiny.yaml --quiet --ignore-limits --set train.epochs=0 "
      "--output out",
      path.string(), QUANTDYN_PROGRAM);
  const int status =
      std::system(fmt::format("({}) 2> '{}'", command, (path / "err.txt").string()).c_str());
  BOOST_TEST(WEXITSTATUS(status) == 1);
  BOOST_TEST(contains(text_of(path / "err.txt"), "quantdyn: "), text_of(path / "err.txt"));
}

#ifndef __SANITIZE_ADDRESS__  // which takes terabytes of addresses
BOOST_AUTO_TEST_CASE(too_little_address_space_ends_by_no_signal) {
  for (const int kilobytes : {110'000, 130'000, 180'000, 250'000}) {
    const std::string command = fmt::format(
        "cd '{}' && ulimit -v {} && '{}' run tiny.yaml --quiet --force --threads 2 --output out",
        path.string(), kilobytes, QUANTDYN_PROGRAM);
    const int status =
        std::system(fmt::format("({}) > '{}' 2>&1", command, (path / "err.txt").string()).c_str());
    const bool is_signal = WIFSIGNALED(status) || (WEXITSTATUS(status) & ~31) == 128;
    BOOST_TEST(!is_signal, kilobytes << ": " << text_of(path / "err.txt"));
    BOOST_TEST((WEXITSTATUS(status) != 255), kilobytes << ": libhdf5 ended the program");
  }
}
#endif

BOOST_AUTO_TEST_CASE(more_threads_than_cores_work) {
  BOOST_TEST(run_tiny("out", {"--threads", "1024", "--set", "train.epochs=1"}).exit_code == 0);
}

BOOST_AUTO_TEST_CASE(a_variant_that_fails_leaves_the_others) {
  const Outcome outcome =
      run_tiny("out", {"--set", "train.epochs=0", "--set",
                       "variants.0.weights={quantizer: {name: affine, symmetric: true, signed: "
                       "false}}"});
  BOOST_TEST(outcome.exit_code == 1);
  BOOST_TEST(contains(outcome.err, "without these, which failed:\n  tiny: int8: conv1/weight"));
  BOOST_TEST(contains(outcome.out, "int4"));
  const ResultReader result(path / "out" / "result.h5");
  BOOST_TEST(result.last("int4").epoch == 0);
  BOOST_TEST(contains(result.file().group("provenance").text("failures"), "tiny: int8: "));
}

BOOST_AUTO_TEST_CASE(the_resolved_configuration_is_an_experiment) {
  BOOST_REQUIRE(run_tiny("out", {"--set", "train={epochs: 0}"}).exit_code == 0);
  const ResultReader result(path / "out" / "result.h5");
  write("again.yaml", result.file().group("config").dataset("resolved").read_texts().at(0));
  const Outcome outcome = run({"validate", "again.yaml"});
  BOOST_TEST(outcome.exit_code == 0, outcome.err);
}

BOOST_AUTO_TEST_CASE(two_runs_cannot_write_into_one_folder) {
  fs::create_directories(path / "out");
  const FolderLock lock(path / "out");
  const Outcome outcome = run_tiny("out");
  BOOST_TEST(outcome.exit_code == 2);
  BOOST_TEST(contains(outcome.err, "out: another process is writing there"));
}

BOOST_AUTO_TEST_CASE(a_complete_result_is_replaced_by_force_only) {
  BOOST_REQUIRE(run_tiny("out").exit_code == 0);
  const std::string before = text_of(path / "out" / "result.h5");
  // Too many epochs for a refusal after training ever to come.
  const Outcome refused = run_tiny("out", {"--set", "train.epochs=1000000000"});
  BOOST_TEST(refused.exit_code == 2);
  BOOST_TEST(contains(refused.err,
                      "out/result.h5: already holds a complete result; accepted: "
                      "another output folder, or --force"));
  BOOST_TEST((text_of(path / "out" / "result.h5") == before));
  const Outcome forced = run_tiny("out", {"--force", "--set", "train.epochs=1"});
  BOOST_TEST(forced.exit_code == 0, forced.err);
  BOOST_TEST(ResultReader(path / "out" / "result.h5").last().epoch == 1);
}

BOOST_AUTO_TEST_SUITE_END()
