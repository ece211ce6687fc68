// What stands in a run's way in its output folder is found before it trains; what it writes stays
// there.
#include <boost/test/unit_test.hpp>

#include "experiments/results/result_reader.h"
#include "tests/experiments/program.h"

using namespace quantdyn;
using namespace quantdyn::test;
namespace fs = std::filesystem;

namespace {

const std::vector<std::string> endless{"--set", "train.epochs=1000000000"};

struct Names : Workplace {
  void expect_refused(const std::string& yaml, const std::string& message) const {
    write("named.yaml", yaml);
    for (const char* command : {"validate", "run"}) {
      const Outcome outcome = run({command, "named.yaml"});
      BOOST_TEST(outcome.exit_code == 2);
      BOOST_TEST(contains(outcome.err, message), outcome.err << " does not hold " << message);
    }
    BOOST_TEST(!fs::exists(path / "esc"));
  }
  std::string with_name(const std::string& name) const {
    std::string yaml = tiny_yaml();
    return yaml.replace(yaml.find("name: tiny"), 10, "name: " + name);
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(output_folder_test, Names)

BOOST_AUTO_TEST_CASE(a_folder_or_file_of_the_wrong_kind_is_found_before_training) {
  for (const auto& [name, message] : {std::pair<std::string, std::string>{"result.h5", "a folder"},
                                      {"result.h5.sha256", "a folder"},
                                      {"result.h5.part", "a folder"}}) {
    const std::string output = "of_" + name;
    fs::create_directories(path / output / name / "full");
    const Outcome outcome = run_tiny(output, endless);
    BOOST_TEST(outcome.exit_code == 2);
    BOOST_TEST(contains(outcome.err, output + "/" + name + ": is " + message), outcome.err);
    auto forced = endless;
    forced.emplace_back("--force");
    BOOST_TEST(run_tiny(output, forced).exit_code == 2);
    BOOST_TEST(run({"validate", "tiny.yaml", "--output", output}).exit_code == 2);
  }
  for (const std::string name : {"snapshots", "checkpoints"}) {
    fs::create_directories(path / "out");
    write("out/" + name, "");
    const Outcome outcome = run_tiny("out", endless);
    BOOST_TEST(outcome.exit_code == 2);
    BOOST_TEST(contains(outcome.err, "out/" + name + ": is no folder"), outcome.err);
    fs::remove(path / "out" / name);
  }
}

BOOST_AUTO_TEST_CASE(links_in_the_place_of_part_files_are_not_followed) {
  fs::create_directories(path / "out/snapshots");
  write("theirs", "kept");
  for (const char* part :
       {"result.h5.part", "result.h5.sha256.part", "writable.part",
        "snapshots/snapshot-0000.h5.part", "snapshots/writable.part", "snapshots/SHA256SUMS.part"})
    fs::create_symlink(path / "theirs", path / "out" / part);
  const Outcome outcome = run_tiny("out", {"--set", "train.epochs=0"});
  BOOST_TEST(outcome.exit_code == 0, outcome.err);
  BOOST_TEST(text_of(path / "theirs") == "kept");
  BOOST_TEST(ResultReader(path / "out/result.h5").snapshots().size() == 3u);
}

BOOST_AUTO_TEST_CASE(a_name_cannot_lead_out_of_the_folder) {
  for (const char* name : {"../../esc", "a/b", "..", "'.'", "\"a\\nb\""})
    expect_refused(with_name(name), "cannot name a folder; accepted: text without '/'");
  expect_refused(tiny_yaml() + "sweep: [{name: ../../esc}]\n", "cannot name a folder");
}

BOOST_AUTO_TEST_CASE(control_characters_in_names_are_refused) {
  expect_refused(with_name("\"a\\0b\""), "");
  std::string yaml = tiny_yaml();
  yaml.replace(yaml.find("name: int8"), 10, "name: \"int\\n8\"");
  expect_refused(yaml, "cannot name a variant");
  std::string net = text_of(path / "networks/dws.yaml");
  net.replace(net.find("conv1"), 5, "\"conv\\t1\"");
  write("networks/dws.yaml", net);
  expect_refused(tiny_yaml(), "cannot name a node");
}

BOOST_AUTO_TEST_SUITE_END()
