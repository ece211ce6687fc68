// Checkpoints that cannot be written: the run says so and goes on, and keeps the one before.
#include <boost/test/unit_test.hpp>
#include <csignal>

#include "experiments/results/result_equality.h"
#include "experiments/run/run.h"
#include "tests/experiments/program.h"
#include "tests/experiments/run/line_keeper.h"

using namespace quantdyn;
using namespace quantdyn::test;
namespace fs = std::filesystem;

namespace {

/// tiny.yaml for three epochs of eight steps; checkpoints of the steps 9 to 24 can be made
/// impossible to write.
struct TinyRun : Workplace {
  RunRequest request(const std::string& output) const {
    RunRequest out;
    out.config = path / "tiny.yaml";
    out.output = path / output;
    out.sets = {"train.epochs=3", "train.schedule.name=constant", "variants=[]"};
    return out;
  }
  /// A folder that is not empty has the name under which the file would be written.
  fs::path obstacle(int step) const {
    return path / fmt::format("out/checkpoints/checkpoint-{:08}.h5.part", step);
  }
  void obstruct() const {
    for (int step = 9; step <= 24; ++step) fs::create_directories(obstacle(step) / "x");
  }
  void clear() const {
    for (int step = 9; step <= 24; ++step) fs::remove_all(obstacle(step));
  }
  std::string difference() {
    AtLine none;
    run_experiment(request("whole"), none);
    return first_difference(ResultReader(path / "out/result.h5"),
                            ResultReader(path / "whole/result.h5"));
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(checkpoint_error, TinyRun)

BOOST_AUTO_TEST_CASE(a_run_goes_on_without_a_checkpoint_and_says_so) {
  const std::string failed = "tiny: a checkpoint could not be written: ";
  AtLine sink({{"epoch 2/3", [&] { obstruct(); }}, {failed, [&] { clear(); }}});
  run_experiment(request("out"), sink);
  const auto at = [&](const std::string& text) { return sink.lines.find(text); };
  BOOST_TEST(at(failed) != std::string::npos, sink.lines);
  BOOST_TEST(contains(sink.lines, ".h5.part"), sink.lines);
  BOOST_TEST(contains(sink.lines, "; a run would go on from checkpoint-00000008.h5;"), sink.lines);
  BOOST_TEST(sink.lines.rfind(failed) == at(failed), "more than once:\n" << sink.lines);
  BOOST_TEST(difference() == "");
}

BOOST_AUTO_TEST_CASE(it_says_when_checkpoints_are_written_again) {
  RunRequest every_step = request("out");
  every_step.sets.emplace_back("checkpoint.steps=1");
  const std::string failed = "a checkpoint could not be written: ";
  AtLine sink({{"epoch 1/3", [&] { obstruct(); }}, {failed, [&] { clear(); }}});
  run_experiment(every_step, sink);
  const size_t again = sink.lines.find("tiny: checkpoints are written again\n");
  BOOST_TEST(again != std::string::npos, sink.lines);
  BOOST_TEST(again > sink.lines.find(failed), sink.lines);
}

BOOST_AUTO_TEST_CASE(a_stop_says_that_the_last_state_could_not_be_saved) {
  StopFlag flag;
  RunRequest stopped = request("out");
  stopped.sets.emplace_back("checkpoint.steps=1");
  stopped.stop = &flag;
  AtLine sink({{"epoch 1/3", [&] { obstruct(); }},
               {"could not be written", [&] { flag.request(SIGTERM); }}});
  std::string message;
  try {
    run_experiment(stopped, sink);
  } catch (const Stopped& e) {
    message = e.what();
  }
  BOOST_TEST(contains(message, "and a checkpoint; the last state could not be saved: "), message);
  BOOST_TEST(contains(message, "; a run would go on from checkpoint-00000008.h5"), message);
  clear();
  AtLine next;
  run_experiment(request("out"), next);
  BOOST_TEST(contains(next.lines, "goes on from the checkpoint at epoch 1, step 8"), next.lines);
  BOOST_TEST(difference() == "");
}

BOOST_AUTO_TEST_SUITE_END()
