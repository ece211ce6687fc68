// Members of a sweep in processes of their own, and how far they are.
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <csignal>
#include <functional>
#include <thread>

#include "experiments/results/result_equality.h"
#include "framework/base/durable_file.h"
#include "tests/experiments/program.h"

using namespace quantdyn;
using namespace quantdyn::test;
namespace fs = std::filesystem;

namespace {

using Texts = std::vector<std::string>;

struct JobsSweep : Workplace {
  void write_sweep(const std::string& sweep) const {
    write("sweep.yaml", tiny_yaml() + "sweep:\n" + sweep);
  }
  static Texts arguments(const std::string& output, const Texts& more) {
    Texts out{"sweep", "run", "sweep.yaml", "--output", output, "--set", "variants=[]"};
    out.insert(out.end(), more.begin(), more.end());
    return out;
  }
  Outcome run_jobs(const std::string& output, const Texts& more) const {
    return run(arguments(output, more));
  }
  std::string status() const {
    return run({"sweep", "status", "sweep.yaml", "--output", "out"}).out;
  }
  bool has_checkpoint(const std::string& member) const {
    return fs::exists(path / "out" / member / "checkpoints/SHA256SUMS");
  }
};

/// Waits until something is so, or the child has ended, or for two minutes.
void wait_until(Child& child, const std::function<bool()>& is_so) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(2);
  while (!is_so() && !child.has_ended() && std::chrono::steady_clock::now() < end)
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
}

/// The processes whose parent is `parent`.
std::vector<pid_t> children_of(pid_t parent) {
  std::vector<pid_t> out;
  std::ifstream in(fmt::format("/proc/{0}/task/{0}/children", parent));
  for (pid_t pid = 0; in >> pid;) out.push_back(pid);
  return out;
}

/// What the command line of a process says.
std::string arguments_of(pid_t pid) {
  std::string out = text_of(fmt::format("/proc/{}/cmdline", pid));
  std::ranges::replace(out, '\0', ' ');
  return out;
}

const std::string short_and_long =
    "  - {name: first, train.epochs: 1}\n  - {name: long, train.epochs: 100000}\n"
    "  - {name: last, train.epochs: 1, seed: 4}\n";

}  // namespace

BOOST_FIXTURE_TEST_SUITE(sweep_jobs_test, JobsSweep)

BOOST_AUTO_TEST_CASE(members_beside_each_other_have_the_bits_of_members_in_turn) {
  write_sweep("  grid: {seed: [0, 1, 2]}\n");
  const Outcome jobs = run_jobs("out", {"--jobs", "2", "--set", "train.epochs=1"});
  BOOST_TEST(jobs.exit_code == 0, jobs.err);
  const Outcome in_turn = run_jobs("turn", {"--set", "train.epochs=1"});
  BOOST_TEST(in_turn.exit_code == 0, in_turn.err);
  for (const char* name : {"seed0", "seed1", "seed2"}) {
    BOOST_TEST(first_difference(ResultReader(path / "out" / name / "result.h5"),
                                ResultReader(path / "turn" / name / "result.h5")) == "",
               name);
    BOOST_TEST(fs::exists(path / "out" / name / "log.txt"));
    BOOST_TEST(contains(jobs.err, fmt::format("{}: finished after 0:0", name)), jobs.err);
    BOOST_TEST(contains(jobs.out, fmt::format("written: out/{}/result.h5", name)), jobs.out);
  }
  const Outcome again = run_jobs("out", {"--jobs", "2", "--set", "train.epochs=1"});
  BOOST_TEST(contains(again.err, "seed1: was finished before; out/seed1/result.h5 is kept"));
  BOOST_TEST(contains(again.out, "kept: out/seed1/result.h5"), again.out);
  BOOST_TEST(contains(status(), "3 done of 3; a finished one took 0:0"), status());
}

BOOST_AUTO_TEST_CASE(a_failed_member_does_not_stop_the_others) {
  write_sweep(
      "  - {name: bad, train.schedule.learning_rate: 1e30}\n  - {name: good, train.epochs: 0}\n");
  const Outcome outcome = run_jobs("out", {"--jobs", "2"});
  BOOST_TEST(outcome.exit_code == 1);
  BOOST_TEST(
      contains(outcome.err, "without these, which failed:\n  bad: training stopped: the loss"),
      outcome.err);
  BOOST_TEST(contains(outcome.err, "out/bad/log.txt"), outcome.err);
  BOOST_TEST(contains(outcome.out, "written: out/good/result.h5"), outcome.out);
  BOOST_TEST(contains(status(), "1  bad     failed"), status());
  BOOST_TEST(contains(status(), "training stopped: the loss is"), status());
  BOOST_TEST(contains(status(), "1 done, 1 failed of 2"), status());
}

BOOST_AUTO_TEST_CASE(an_old_result_is_not_taken_for_that_of_a_run_that_failed) {
  write_sweep("  - {name: a, train.epochs: 1}\n");
  BOOST_REQUIRE(run_jobs("out", {}).exit_code == 0);
  const Outcome outcome =
      run_jobs("out", {"--jobs", "2", "--force", "--set", "train.schedule.learning_rate=1e30"});
  BOOST_TEST(outcome.exit_code == 1);
  BOOST_TEST(contains(outcome.err, "a: training stopped: the loss is"), outcome.err);
  BOOST_TEST(!contains(outcome.out, "out/a/result.h5"), outcome.out);
}

BOOST_AUTO_TEST_CASE(a_killed_member_does_not_stop_the_others) {
  write_sweep(short_and_long);
  Child child(path, arguments("out", {"--jobs", "2"}));
  wait_until(child,
             [&] { return has_checkpoint("long") && fs::exists(path / "out/last/result.h5"); });
  BOOST_TEST(contains(status(), "2  long    running"), status());
  for (const pid_t pid : children_of(child.pid()))
    if (contains(arguments_of(pid), "--member 2 ")) ::kill(pid, SIGKILL);
  const Outcome outcome = child.wait();
  BOOST_TEST(outcome.exit_code == 1);
  BOOST_TEST(contains(outcome.err, "long: ended by signal 9 (Killed); what it had saved stays"),
             outcome.err);
  for (const char* name : {"first", "last"})
    BOOST_TEST(contains(outcome.out, fmt::format("written: out/{}/result.h5", name)), outcome.out);
  BOOST_TEST(contains(status(), "2  long    interrupted"), status());
  BOOST_TEST(contains(status(), "2 done, 1 interrupted of 3"), status());
}

BOOST_AUTO_TEST_CASE(a_stop_lets_all_members_write_their_checkpoints) {
  write_sweep("  grid: {seed: [0, 1, 2]}\n");
  Child child(path, arguments("out", {"--jobs", "2", "--set", "train.epochs=100000"}));
  wait_until(child, [&] { return has_checkpoint("seed0") && has_checkpoint("seed1"); });
  child.send(SIGINT);
  const Outcome outcome = child.wait();
  BOOST_TEST(outcome.exit_code == 130, outcome.err);
  BOOST_TEST(contains(outcome.err,
                      "finished and kept: 0 of the sweep's 3 runs\nto go on: quantdyn "
                      "sweep run sweep.yaml --output out"),
             outcome.err);
  for (const char* name : {"seed0", "seed1"})
    BOOST_TEST(contains(text_of(path / "out" / name / "log.txt"), "stopped at epoch "));
  BOOST_TEST(!fs::exists(path / "out/seed2"));
  BOOST_TEST(contains(status(), "2 interrupted, 1 waiting of 3"), status());
}

BOOST_AUTO_TEST_CASE(members_end_with_the_process_that_started_them) {
  write_sweep("  grid: {seed: [0, 1]}\n");
  Child child(path, arguments("out", {"--jobs", "2", "--set", "train.epochs=100000"}));
  wait_until(child, [&] { return has_checkpoint("seed0") && has_checkpoint("seed1"); });
  const std::vector<pid_t> members = children_of(child.pid());
  BOOST_TEST(members.size() == 2u);
  child.send(SIGKILL);
  child.wait();
  const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  // A member frees its folder before it writes its last line.
  const auto has_stopped = [&](const char* name) {
    return contains(text_of(path / "out" / name / "log.txt"), "stopped at epoch ");
  };
  while (!(has_stopped("seed0") && has_stopped("seed1")) && std::chrono::steady_clock::now() < end)
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  BOOST_TEST(has_stopped("seed0"));
  BOOST_TEST(has_stopped("seed1"));
  BOOST_TEST(contains(status(), "2 interrupted of 2"), status());
}

BOOST_AUTO_TEST_CASE(a_member_that_another_process_runs_comes_last) {
  write_sweep("  - {name: a, train.epochs: 0}\n  - {name: b, train.epochs: 0}\n");
  fs::create_directories(path / "out/a");
  const FolderLock lock(path / "out/a");
  const Outcome outcome = run_jobs("out", {"--jobs", "2"});
  BOOST_TEST(outcome.exit_code == 1);
  BOOST_TEST(outcome.err.find("b: starts") < outcome.err.find("a: starts"), outcome.err);
  BOOST_TEST(contains(outcome.err, "a: out/a: another process is writing there"), outcome.err);
  BOOST_TEST(contains(outcome.out, "written: out/b/result.h5"), outcome.out);
}

BOOST_AUTO_TEST_CASE(a_number_of_jobs_that_cannot_be_is_refused) {
  write_sweep("  grid: {seed: [0, 1]}\n");
  for (const char* jobs : {"0", "-1", "1025"})
    BOOST_TEST(
        contains(run_jobs("out", {std::string("--jobs=") + jobs}).err, "accepted: from 1 to"));
  BOOST_TEST(!fs::exists(path / "out"));
  BOOST_TEST(contains(status(), "2 waiting of 2"), status());
}

BOOST_AUTO_TEST_SUITE_END()
