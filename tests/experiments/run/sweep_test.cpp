// One file that stands for several runs: each its own folder and keys, all checked before the
// first.
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <csignal>
#include <thread>

#include "experiments/results/result_equality.h"
#include "tests/experiments/program.h"

using namespace quantdyn;
using namespace quantdyn::test;
namespace fs = std::filesystem;

namespace {

struct Sweep : Workplace {
  void write_sweep(const std::string& entries) const {
    write("sweep.yaml", tiny_yaml() + "sweep:\n" + entries);
  }
  Outcome run_sweep(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> arguments{"run", "sweep.yaml", "--quiet",       "--output",
                                       "out", "--set",      "train.epochs=1"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run(arguments);
  }
};

const std::string two =
    "  - {name: wide, network.width: 0.25}\n  - {name: narrow, variants.0.name: byte, train: "
    "{epochs: 0, schedule: {name: constant, learning_rate: 0.1}}}\n";

}  // namespace

BOOST_FIXTURE_TEST_SUITE(sweep_test, Sweep)

BOOST_AUTO_TEST_CASE(each_entry_is_a_run_with_its_own_keys_and_folder) {
  write_sweep(two);
  const Outcome outcome = run({"run", "sweep.yaml", "--quiet", "--output", "out"});
  BOOST_REQUIRE_MESSAGE(outcome.exit_code == 0, outcome.err);
  const ResultReader wide(path / "out/wide/result.h5"), narrow(path / "out/narrow/result.h5");
  BOOST_TEST(wide.last().epoch == 2);
  BOOST_TEST(narrow.last().epoch == 0);
  BOOST_TEST(wide.network().at(1).channels == 8);
  BOOST_TEST(narrow.network().at(1).channels == 4);
  BOOST_TEST(narrow.last("byte").variant == "byte");
  for (const char* part : {"wide        int8", "wide        int4", "narrow      byte",
                           "written: out/wide/result.h5", "written: out/narrow/result.h5"})
    BOOST_TEST(contains(outcome.out, part), outcome.out);
  BOOST_TEST(wide.file().group("provenance").text("experiment") == "wide");
  const std::string checked = run({"validate", "sweep.yaml"}).out;
  for (const char* part :
       {"is a valid experiment (narrow): ", "sweep.yaml is a sweep of 2 members with ",
        "(the most is that of wide) and ", "trains for about 0:0"})
    BOOST_TEST(contains(checked, part), checked);
}

BOOST_AUTO_TEST_CASE(the_command_line_comes_after_the_entries) {
  write_sweep("  - {name: a, seed: 1, train.epochs: 0}\n  - {name: b, seed: 2, train.epochs: 0}\n");
  BOOST_REQUIRE(run_sweep({"--set", "seed=7", "--set", "train.epochs=0"}).exit_code == 0);
  for (const char* name : {"a", "b"})
    BOOST_TEST(ResultReader(path / "out" / name / "result.h5").file().integer("seed") == 7);
}

BOOST_AUTO_TEST_CASE(a_mistake_in_the_last_entry_stops_before_the_first_runs) {
  for (const auto& [last, message] :
       {std::pair<std::string, std::string>{"{name: b, network.wide: 1}",
                                            "sweep.yaml:22: run 'b': network.wide=1: "},
        {"{name: wide}", "sweep.yaml:22: name: 'wide' is the name of an earlier run"},
        {"{name: ../b}", "sweep.yaml:22: name: '../b' cannot name a folder"},
        {"{name: b, output: there}", "sweep.yaml:22: output: belongs to the whole sweep"},
        {"{name: b, sweep: []}", "sweep.yaml:22: sweep: belongs to the whole sweep"},
        {"{train.epochs: 1}", "sweep.yaml:22: name: missing"}}) {
    write_sweep("  - {name: wide, network.width: 0.25}\n  - " + last + "\n");
    const Outcome outcome = run_sweep();
    BOOST_TEST(outcome.exit_code == 2);
    BOOST_TEST(contains(outcome.err, message), outcome.err);
    BOOST_TEST(!fs::exists(path / "out"));
  }
}

BOOST_AUTO_TEST_CASE(a_run_has_no_plugins_of_its_own) {
  for (const char* key : {"plugins", "plugins.0"}) {
    write_sweep(fmt::format("  - {{name: a}}\n  - {{name: b, {}: mine.so}}\n", key));
    const Outcome outcome = run_sweep();
    BOOST_TEST(outcome.exit_code == 2);
    BOOST_TEST(contains(outcome.err, fmt::format("sweep.yaml:22: {}: belongs to the whole", key)),
               outcome.err);
  }
}

BOOST_AUTO_TEST_CASE(a_finished_run_is_kept_and_its_numbers_are_printed) {
  write_sweep(two);
  const Outcome whole = run_sweep();
  BOOST_REQUIRE_MESSAGE(whole.exit_code == 0, whole.err);
  const std::string wide = text_of(path / "out/wide/result.h5");
  fs::remove(path / "out/narrow/result.h5");
  const Outcome again = run({"run", "sweep.yaml", "--output", "out", "--set", "train.epochs=1"});
  BOOST_TEST(again.exit_code == 0, again.err);
  BOOST_TEST(contains(again.err, "wide: was finished before; out/wide/result.h5 is kept"));
  for (const char* part : {"wide        int8", "narrow      byte", "kept: out/wide/result.h5",
                           "written: out/narrow/result.h5"})
    BOOST_TEST(contains(again.out, part), again.out);
  BOOST_TEST((text_of(path / "out/wide/result.h5") == wide));
}

BOOST_AUTO_TEST_CASE(a_run_that_fails_leaves_the_others) {
  write_sweep(
      "  - {name: bad, train.schedule.learning_rate: 1e30}\n  - {name: good, train.epochs: 0}\n");
  const Outcome outcome = run({"run", "sweep.yaml", "--quiet", "--output", "out"});
  BOOST_TEST(outcome.exit_code == 1);
  BOOST_TEST(
      contains(outcome.err, "without these, which failed:\n  bad: training stopped: the loss is"),
      outcome.err);
  BOOST_TEST(contains(outcome.out, "good        int8"), outcome.out);
  BOOST_TEST(!fs::exists(path / "out/bad/result.h5"));
  BOOST_TEST(ResultReader(path / "out/good/result.h5").last().epoch == 0);
}

BOOST_AUTO_TEST_CASE(failed_variants_of_a_finished_run_are_not_forgotten) {
  write_sweep(
      "  - {name: a, train.epochs: 0, variants.0.weights: {quantizer: {name: affine, symmetric: "
      "true, signed: false}}}\n");
  for (int i = 0; i < 2; ++i) {
    const Outcome outcome = run({"run", "sweep.yaml", "--quiet", "--output", "out"});
    BOOST_TEST(outcome.exit_code == 1);
    BOOST_TEST(contains(outcome.err, "without these, which failed:\n  a: int8: conv1/weight"),
               outcome.err);
    BOOST_TEST(contains(outcome.out, i == 0 ? "written: out/a" : "kept: out/a"), outcome.out);
  }
}

BOOST_AUTO_TEST_CASE(the_result_of_another_experiment_stops_before_the_first_runs) {
  write_sweep(two);
  BOOST_REQUIRE(run_sweep().exit_code == 0);
  fs::remove_all(path / "out/wide");
  const Outcome other = run_sweep({"--set", "seed=7"});
  BOOST_TEST(other.exit_code == 2);
  BOOST_TEST(contains(other.err,
                      "sweep.yaml:22: run 'narrow': out/narrow/result.h5: is the result of another "
                      "experiment, which differs in seed (3 there, 7 here); accepted: another "
                      "output folder, or --force to replace it"),
             other.err);
  write("out/narrow/result.h5", "damaged");
  const Outcome damaged = run_sweep();
  BOOST_TEST(damaged.exit_code == 2);
  BOOST_TEST(contains(damaged.err, "out/narrow/result.h5: damaged or changed"), damaged.err);
  BOOST_TEST(!fs::exists(path / "out/wide"));
  BOOST_TEST(run_sweep({"--force"}).exit_code == 0);
}

BOOST_AUTO_TEST_CASE(a_stopped_sweep_keeps_what_is_finished_and_goes_on) {
  const std::string entries =
      "  - {name: first, train.epochs: 1}\n  - {name: second, train.epochs: 30}\n"
      "  - {name: third, train.epochs: 1}\n";
  write("sweep.yaml", tiny_yaml() + "sweep:\n" + entries);
  const auto arguments = [](const std::string& output) {
    return std::vector<std::string>{"run",  "sweep.yaml", "--output",
                                    output, "--set",      "variants=[]"};
  };
  for (const int signal : {SIGINT, SIGTERM}) {
    fs::remove_all(path / "out");
    Child child(path, arguments("out"));
    const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(2);
    while (!fs::exists(path / "out/second/checkpoints/SHA256SUMS") && !child.has_ended() &&
           std::chrono::steady_clock::now() < end)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    child.send(signal);
    const Outcome stopped = child.wait();
    BOOST_TEST(stopped.exit_code == 128 + signal, stopped.err);
    for (const char* part : {"second: stopped at epoch ",
                             "\nfinished and kept: 1 of the sweep's 3 runs\nto go on: "
                             "quantdyn run sweep.yaml --output out"})
      BOOST_TEST(contains(stopped.err, part), stopped.err);
  }
  BOOST_TEST(!fs::exists(path / "out/third"));
  const std::string first = text_of(path / "out/first/result.h5");
  const Outcome next = run(arguments("out")), whole = run(arguments("whole"));
  BOOST_TEST(next.exit_code == 0, next.err);
  BOOST_TEST(contains(next.err, "first: was finished before"), next.err);
  BOOST_TEST(contains(next.err, "out/second: goes on from the checkpoint"), next.err);
  BOOST_TEST((text_of(path / "out/first/result.h5") == first));
  for (const char* name : {"first", "second", "third"})
    BOOST_TEST(first_difference(ResultReader(path / "out" / name / "result.h5"),
                                ResultReader(path / "whole" / name / "result.h5")) == "",
               name);
}

BOOST_AUTO_TEST_SUITE_END()
