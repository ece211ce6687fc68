// What an interrupted run finished becomes a result that says what it lacks.
#include "experiments/results/finish_result.h"

#include <boost/test/unit_test.hpp>

#include "experiments/results/result_equality.h"
#include "tests/experiments/program.h"

using namespace quantdyn;
using namespace quantdyn::test;
namespace fs = std::filesystem;

BOOST_FIXTURE_TEST_SUITE(finish_result_test, Workplace)

BOOST_AUTO_TEST_CASE(a_result_that_was_lost_is_made_again_with_the_same_numbers) {
  BOOST_REQUIRE(run_tiny("out").exit_code == 0);
  fs::rename(path / "out/result.h5", path / "whole.h5");
  fs::rename(path / "out/result.h5.sha256", path / "whole.h5.sha256");
  const Outcome outcome = run({"finish", "out"});
  BOOST_TEST(outcome.exit_code == 0, outcome.err);
  BOOST_TEST(contains(outcome.out, "written: out/result.h5 from 4 snapshots"), outcome.out);
  BOOST_TEST(!contains(outcome.out, "ended early"));
  const ResultReader again(path / "out/result.h5");
  BOOST_TEST(first_difference(ResultReader(path / "whole.h5"), again) == "");
  BOOST_TEST(ended_early(again) == "");
  const Outcome twice = run({"finish", "out"});
  BOOST_TEST(twice.exit_code == 2);
  BOOST_TEST(contains(twice.err, "out/result.h5: already holds a complete result"), twice.err);
  BOOST_TEST(run({"finish", "out", "--force"}).exit_code == 0);
}

BOOST_AUTO_TEST_CASE(a_run_that_diverged_says_why_and_after_which_epoch) {
  BOOST_REQUIRE(run_tiny("out", {"--set", "train.schedule.learning_rate=1e30"}).exit_code == 1);
  const Outcome outcome = run({"finish", "out"});
  BOOST_TEST(outcome.exit_code == 0, outcome.err);
  const std::string ended = "ended early: training stopped: the loss is ",
                    where = "stopped after epoch 0 of 2, step 0; without int8, int4";
  for (const std::string& part : {ended, where, std::string("tiny (ended early)")})
    BOOST_TEST(contains(outcome.out, part), outcome.out);
  const std::string inspected = run({"inspect", "out/result.h5"}).out;
  for (const std::string& part : {std::string("complete, but ended early"), where})
    BOOST_TEST(contains(inspected, part), inspected);
  BOOST_TEST(contains(run({"inspect", "out/result.h5", "out/result.h5"}).out, "(ended early)"));
  write("sweep.yaml", tiny_yaml() + "sweep: [{name: out, train.schedule.learning_rate: 1e30}]\n");
  const Outcome kept = run({"run", "sweep.yaml", "--output", "."});
  BOOST_TEST(kept.exit_code == 2);
  BOOST_TEST(contains(kept.err, "out/result.h5: ended early: training stopped"), kept.err);
}

BOOST_AUTO_TEST_CASE(a_damaged_snapshot_and_those_after_it_are_left_out) {
  BOOST_REQUIRE(run_tiny("out").exit_code == 0);
  fs::remove(path / "out/result.h5");
  fs::remove(path / "out/result.h5.sha256");
  write("out/snapshots/snapshot-0003.h5", "damaged");
  const Outcome outcome = run({"finish", "out"});
  BOOST_TEST(outcome.exit_code == 0, outcome.err);
  const ResultReader result(path / "out/result.h5");
  BOOST_TEST(result.snapshots().size() == 3u);
  for (const char* part : {"snapshot-0003.h5", "without int4"})
    BOOST_TEST(contains(ended_early(result), part), ended_early(result));
}

BOOST_AUTO_TEST_CASE(a_folder_without_finished_snapshots_is_refused) {
  fs::create_directories(path / "empty");
  for (const auto& [folder, message] :
       {std::pair<const char*, const char*>{"none", "none: no such folder"},
        {"tiny.yaml", "tiny.yaml: no such folder"},
        {"empty", "empty/snapshots: no finished snapshot"}}) {
    const Outcome outcome = run({"finish", folder});
    BOOST_TEST(outcome.exit_code == 2);
    BOOST_TEST(contains(outcome.err, message), outcome.err);
  }
  const FolderLock lock(path / "empty");
  BOOST_TEST(contains(run({"finish", "empty"}).err, "another process is writing there"));
}

BOOST_AUTO_TEST_SUITE_END()
