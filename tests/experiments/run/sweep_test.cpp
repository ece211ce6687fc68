// One file that stands for several runs: each its own folder and keys, all checked before the
// first.
#include <boost/test/unit_test.hpp>

#include "experiments/results/result_reader.h"
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
  BOOST_TEST(contains(run({"validate", "sweep.yaml"}).out, "is a valid experiment (narrow): "));
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

BOOST_AUTO_TEST_CASE(a_result_that_is_there_stops_before_the_first_runs) {
  write_sweep(two);
  fs::create_directories(path / "out/narrow");
  write("out/narrow/result.h5", "kept");
  const Outcome outcome = run_sweep();
  BOOST_TEST(outcome.exit_code == 2);
  BOOST_TEST(contains(outcome.err, "out/narrow/result.h5: already holds a complete result"));
  BOOST_TEST(!fs::exists(path / "out/wide"));
  BOOST_TEST(run_sweep({"--force"}).exit_code == 0);
}

BOOST_AUTO_TEST_SUITE_END()
