// Runs that are interrupted and go on: the same bits as without, whatever was trained and however
// it was stopped; what cannot go on is refused and named.
#include "experiments/run/resume.h"

#include <sys/wait.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <csignal>
#include <thread>

#include "experiments/results/result_equality.h"
#include "experiments/run/run_differences.h"
#include "experiments/terminal/stop_signals.h"
#include "framework/base/threads.h"
#include "tests/experiments/program.h"
#include "tests/experiments/results/fabricated_result.h"
#include "tests/experiments/run/line_keeper.h"

using namespace quantdyn;
using namespace quantdyn::test;
namespace fs = std::filesystem;

namespace {

/// Interrupts the run at the n-th sign of life, as a scheduler or as a crash does.
class Interruption final : public LineKeeper {
 public:
  enum class Kind { none, stop, crash };
  struct Crash {};

  Interruption(Kind kind, int at) : kind_(kind), at_(at) {}
  /// Of life, so far.
  int signs() const { return signs_; }
  const StopFlag& flag() const { return flag_; }

 private:
  void see(const std::string&) override {
    if (++signs_ != at_) return;
    if (kind_ == Kind::stop) flag_.request(SIGTERM);
    if (kind_ == Kind::crash) throw Crash();
  }
  Kind kind_;
  int at_, signs_ = 0;
  StopFlag flag_;
};

using Kind = Interruption::Kind;

/// What the runs of one test differ in.
struct Mode {
  std::string name, train, track, variants;
  std::string batch = "batch_size: 8";
};

const std::string plain =
    "  - {name: plain, weights: {}, activations: {}, calibration: {images: 16}}\n";
const std::string low =
    "  - {name: low, weights: {quantizer: {name: affine, bit_width: 3}}, activations: {quantizer: "
    "{name: affine, bit_width: 4}}, calibration: {images: 16}}\n";
const std::string learned =
    "  - {name: learned, weights: {quantizer: {name: affine, bit_width: 3}}, calibration: {images: "
    "16}, repairs: {adaround: {iterations: 6, batch_size: 8}}}\n";

const std::vector<Mode> modes = {
    {"float", "crop_padding: 1, flip_probability: 0.5", "gradients: {images: 16}, every: 1",
     plain + learned},
    {"adam", "last_batch: keep, optimizer: {name: adam}", "steps: [2, 7, 12]", plain},
    {"straight_through", "quantization: {variant: low, folding: batch, freeze_epoch: 1}",
     "every: 1, steps: [3, 11]", plain + low},
    {"lsq", "quantization: {variant: low, weights: lsq, activations: lsq, start_epoch: 1}",
     "every: 1, steps: [13]", low + plain},
    {"pact",
     "optimizer: {name: adam}, quantization: {variant: low, folding: running, activations: pact}",
     "steps: [5, 6]", low},
    {"quantized_snapshots", "optimizer: {name: adam}",
     "every: 1, steps: [3, 11], quantize: [learned, plain]", plain + low + learned},
    {"quantized_by_both", "quantization: {variant: low}", "steps: [3, 11], quantize: [plain]",
     plain + low},
    {"micro_batch", "last_batch: keep", "steps: [2]", plain, "batch_size: 32, micro_batch: 8"},
    {"not_trained", "epochs: 0", "epochs: [0]", plain + low + learned}};

struct Runs : Workplace {
  ~Runs() { set_worker_count(workers_before); }
  int workers_before = worker_count();

  fs::path write_mode(const Mode& mode) const {
    write("net.yaml",
          "name: net\nparameters: {input: [32, 32, 3], classes: 10}\ninput: $input\n"
          "defaults: {block: {norm: true, activation: relu}}\n"
          "nodes:\n"
          "  - block: {name: conv1, channels: 4, stride: 2}\n"
          "  - separable: {name: sep2, channels: 8, stride: 2}\n"
          "  - global_average_pool: {name: pool}\n"
          "  - dense: {name: logits, units: $classes}\n");
    const std::string head =
        "seed: 5\n"
        "data: {source: {name: synthetic, train_images: 70, test_images: 16}}\n"
        "network: {file: net.yaml}\n";
    const std::string trained =
        "checkpoint: {steps: 5}\ntrain: {epochs: 2, schedule: {name: cosine, learning_rate: "
        "0.05}, " +
        mode.batch + ", ";
    const bool trains = mode.name != "not_trained";
    return write(mode.name + ".yaml", head + (trains ? trained : "train: {") + mode.train +
                                          "}\ntrack: {probe_images: 16, " + mode.track +
                                          "}\nvariants:\n" + mode.variants);
  }
  RunRequest request(const std::string& name, const std::string& output) const {
    RunRequest out;
    out.config = path / (name + ".yaml");
    out.output = path / output;
    return out;
  }
  /// Runs until the interruption, or the end; "stopped", "crashed" or "finished".
  std::string run_into(RunRequest request, Interruption& interruption) const {
    request.stop = &interruption.flag();
    try {
      run_experiment(request, interruption);
      return "finished";
    } catch (const Stopped& stopped) {
      BOOST_TEST(stopped.signal() == SIGTERM);
      return "stopped";
    } catch (const Interruption::Crash&) {
      return "crashed";
    }
  }
  std::string difference(const std::string& a, const std::string& b) const {
    return first_difference(ResultReader(path / a / "result.h5"),
                            ResultReader(path / b / "result.h5"));
  }
  /// A run of the mode `adam`, stopped in its second epoch.
  void stop_run() const {
    write_mode(modes[1]);
    Interruption stop(Kind::stop, 16);
    BOOST_REQUIRE(run_into(request("adam", "out"), stop) == "stopped");
    BOOST_REQUIRE(fs::exists(path / "out/checkpoints/SHA256SUMS"));
  }
  std::string continue_run(const std::string& name = "adam") const {
    Interruption none(Kind::none, 0), other(Kind::none, 0);
    BOOST_TEST(run_into(request(name, "out"), none) == "finished");
    if (!fs::exists(path / "whole")) run_into(request(name, "whole"), other);
    BOOST_TEST(difference("out", "whole") == "");
    return none.lines;
  }
};

/// Changes the last byte.
void damage(const fs::path& file) {
  std::fstream bytes(file, std::ios::in | std::ios::out | std::ios::binary);
  bytes.seekp(-1, std::ios::end);
  bytes << '#';
}

std::vector<fs::path> checkpoints_of(const fs::path& output) {
  std::vector<fs::path> out;
  for (const auto& entry : fs::directory_iterator(output / "checkpoints"))
    if (entry.path().extension() == ".h5") out.push_back(entry.path());
  std::ranges::sort(out);
  return out;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(resume_test, Runs)

BOOST_AUTO_TEST_CASE(every_training_ends_with_the_bits_of_an_uninterrupted_one) {
  for (const Mode& mode : modes) {
    write_mode(mode);
    Interruption none(Kind::none, 0);
    set_worker_count(1);
    BOOST_REQUIRE(run_into(request(mode.name, "whole"), none) == "finished");
    for (const Kind kind : {Kind::stop, Kind::crash}) {
      std::string how;
      int interruptions = 0, threads = 0;
      // Each run gets a little further; a crash loses what came after its last checkpoint.
      for (int at = kind == Kind::stop ? 5 : 9; how != "finished"; at *= 2) {
        set_worker_count(1 + threads++ % 2);
        Interruption interruption(kind, at);
        how = run_into(request(mode.name, "out"), interruption);
        interruptions += how != "finished";
        BOOST_REQUIRE(interruptions < 20);
      }
      BOOST_TEST(interruptions >= 1, mode.name);
      BOOST_TEST(difference("out", "whole") == "", mode.name);
      BOOST_TEST(!fs::exists(path / "out/checkpoints"));
      const h5::File file = h5::File::open(path / "out/result.h5");
      const int64_t resumed = file.group("provenance").integer("resumed");
      BOOST_TEST((resumed > 0 && resumed <= interruptions), mode.name << ": " << resumed);
      fs::remove_all(path / "out");
    }
    fs::remove_all(path / "whole");
  }
}

BOOST_AUTO_TEST_CASE(finished_variants_are_not_computed_again) {
  write_mode(modes[0]);
  Interruption whole(Kind::none, 0);
  BOOST_REQUIRE(run_into(request("float", "whole"), whole) == "finished");
  Interruption crash(Kind::crash, whole.signs() - 1);  // after the first of two variants
  BOOST_REQUIRE(run_into(request("float", "out"), crash) == "crashed");
  BOOST_REQUIRE(contains(crash.lines, "float: plain  accuracy"));
  const std::string lines = continue_run("float");
  BOOST_TEST(contains(lines, "float: plain  was finished before the run was interrupted"), lines);
  BOOST_TEST(!contains(lines, "float: plain  accuracy"), lines);
}

BOOST_AUTO_TEST_CASE(a_rate_counts_what_this_run_did) {
  stop_run();
  Interruption resumed(Kind::none, 0), whole(Kind::none, 0);
  BOOST_REQUIRE(run_into(request("adam", "out"), resumed) == "finished");
  BOOST_REQUIRE(run_into(request("adam", "whole"), whole) == "finished");
  BOOST_TEST(resumed.done_before.at(0) > 70);  // images of an epoch
  BOOST_TEST(resumed.done_before[0] % 8 == 70 % 8);
  BOOST_TEST(whole.done_before.at(0) == 0);
}

BOOST_AUTO_TEST_CASE(another_experiment_is_refused_with_the_keys_that_differ) {
  stop_run();
  RunRequest other = request("adam", "out");
  other.sets = {"train.epochs=3", "seed=6", "checkpoint.steps=1"};
  Interruption none(Kind::none, 0);
  const std::string error = error_of<ConfigError>([&] { run_experiment(other, none); });
  BOOST_TEST(contains(error, "holds an interrupted run that differs from this one:"), error);
  BOOST_TEST(contains(error, "\n  seed: 5, now 6"), error);
  BOOST_TEST(contains(error, "\n  train.epochs: 2, now 3"), error);
  BOOST_TEST(contains(error, "another output folder, or --fresh to start over"), error);
  BOOST_TEST(!contains(error, "checkpoint"), error);
  other.sets = {"checkpoint.steps=1"};
  set_worker_count(3);
  BOOST_TEST(run_into(other, none) == "finished");
}

BOOST_AUTO_TEST_CASE(an_interrupted_run_can_be_left_or_refused) {
  stop_run();
  RunRequest again = request("adam", "out");
  again.interrupted = Interrupted::refuse;
  Interruption none(Kind::none, 0);
  BOOST_TEST(contains(error_of<ConfigError>([&] { run_experiment(again, none); }),
                      "holds an interrupted run; accepted: without --no-resume"));
  again.interrupted = Interrupted::discard;
  again.sets = {"seed=6"};
  BOOST_TEST(run_into(again, none) == "finished");
  BOOST_TEST(
      contains(none.lines, "were moved to " + (path / "out/snapshots.interrupted.1").string()));
  BOOST_TEST(fs::exists(path / "out/snapshots.interrupted.1/snapshot-0000.h5"));
}

BOOST_AUTO_TEST_CASE(a_damaged_checkpoint_is_named_and_the_one_before_is_used) {
  stop_run();
  const std::vector<fs::path> files = checkpoints_of(path / "out");
  BOOST_REQUIRE(files.size() == 2u);  // the last two are kept
  damage(files[1]);
  const std::string lines = continue_run();
  BOOST_TEST(contains(lines, files[1].filename().string() + " cannot be used: "), lines);
  BOOST_TEST(contains(lines, "damaged or changed"), lines);
  BOOST_TEST(contains(lines, "goes on from the checkpoint at"), lines);
}

BOOST_AUTO_TEST_CASE(without_a_good_checkpoint_the_run_starts_from_the_beginning) {
  stop_run();
  for (const fs::path& file : checkpoints_of(path / "out")) damage(file);
  BOOST_TEST(contains(continue_run(), "no checkpoint to go on from: starts from the beginning"));
}

BOOST_AUTO_TEST_CASE(a_checkpoint_whose_snapshot_is_damaged_is_not_used) {
  stop_run();
  damage(path / "out/snapshots/snapshot-0000.h5");
  const std::string lines = continue_run();
  BOOST_TEST(contains(lines, "snapshot-0000.h5: damaged or changed"), lines);
  BOOST_TEST(contains(lines, "starts from the beginning"), lines);
}

BOOST_AUTO_TEST_CASE(everything_that_decides_bits_is_compared) {
  const RunFacts facts = fabricated::facts();
  const auto differing = [&](const auto& change) {
    RunFacts other = facts;
    change(other);
    const auto differences = run_differences(facts, other);
    return differences.size() == 1 ? differences[0].key : fmt::format("{}", differences.size());
  };
  BOOST_TEST(differing([](RunFacts&) {}) == "0");
  BOOST_TEST(differing([](RunFacts& f) { f.resolved_yaml += "output: elsewhere\n"; }) == "0");
  BOOST_TEST(differing([](RunFacts& f) { f.provenance[1].second = int64_t{7}; }) ==
             "0");  // threads
  BOOST_TEST(differing([](RunFacts& f) { f.resolved_yaml += "a: 1\n"; }) == "a");
  BOOST_TEST(differing([](RunFacts& f) { f.network_yaml = "nodes: [1]\n"; }) ==
             "network file: nodes");
  BOOST_TEST(differing([](RunFacts& f) { f.version = "9"; }) == "version");
  BOOST_TEST(differing([](RunFacts& f) { f.git_revision = "9"; }) == "git_revision");
  for (const std::string name : {"blis_architecture", "instruction_set", "plugins", "train_sha256",
                                 "test_sha256", "onnx_sha256", "weights_sha256"})
    BOOST_TEST(differing([&](RunFacts& f) { f.provenance.emplace_back(name, "x"); }) == name);
}

BOOST_AUTO_TEST_CASE(a_killed_program_goes_on_by_itself) {
  const std::vector<std::string> arguments = {
      "run", "tiny.yaml", "--output", "out", "--set", "train.epochs=12", "--set", "variants=[]"};
  for (const int signal : {SIGTERM, SIGKILL}) {
    fs::remove_all(path / "out");
    Child child(path, arguments);
    const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(2);
    while (!fs::exists(path / "out/checkpoints/SHA256SUMS") && !child.has_ended() &&
           std::chrono::steady_clock::now() < end)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    child.send(signal);
    const Outcome outcome = child.wait();
    BOOST_TEST(outcome.exit_code == (signal == SIGTERM ? 128 + SIGTERM : -SIGKILL), outcome.err);
    if (signal == SIGTERM) {
      BOOST_TEST(contains(outcome.err, "tiny: stopped at epoch "), outcome.err);
      BOOST_TEST(contains(outcome.err,
                          "to go on: quantdyn run tiny.yaml --output out --set train.epochs=12 "
                          "--set 'variants=[]'"),
                 outcome.err);
    }
    const Outcome next = run(arguments);
    BOOST_TEST(next.exit_code == 0, next.err);
    BOOST_TEST(contains(next.err, "goes on from the checkpoint"), next.err);
    if (signal == SIGTERM) fs::rename(path / "out", path / "first");
  }
  BOOST_REQUIRE(run_tiny("whole", {"--set", "train.epochs=12", "--set", "variants=[]"}).exit_code ==
                0);
  BOOST_TEST(difference("first", "whole") == "");
  BOOST_TEST(difference("out", "whole") == "");
}

BOOST_AUTO_TEST_CASE(a_second_signal_ends_the_process_at_once) {
  for (const int signal : {SIGINT, SIGTERM}) {
    const pid_t child = ::fork();
    if (child == 0) {
      for (const int handled : {SIGINT, SIGTERM}) ::signal(handled, SIG_DFL);
      const StopSignals signals;
      ::raise(signal);
      try {
        signals.flag().check();
        ::_exit(1);  // the first one was not seen
      } catch (const Stopped&) {
      }
      ::raise(signal);  // within 0.2 s: the same request
      std::this_thread::sleep_for(std::chrono::milliseconds(300));
      if (signals.flag().signal() == signal) ::raise(signal);
      ::_exit(0);
    }
    int status = 0;
    BOOST_REQUIRE(::waitpid(child, &status, 0) == child);
    BOOST_TEST((WIFSIGNALED(status) && WTERMSIG(status) == signal), status);
  }
}

BOOST_AUTO_TEST_SUITE_END()
