#include "experiments/run/resume.h"

#include <algorithm>

#include "experiments/results/assemble_result.h"
#include "experiments/results/process_facts.h"
#include "experiments/run/run_differences.h"
#include "framework/base/printable.h"

namespace quantdyn {
namespace {

namespace fs = std::filesystem;

/// Refuses to go on with a run that computes something else.
void check_same_run(const ResultWriter& writer, const RunFacts& before, const RunFacts& now) {
  const auto differences = run_differences(before, now);
  if (differences.empty()) return;
  constexpr size_t most = 10;
  std::string why;
  for (size_t i = 0; i < std::min(differences.size(), most); ++i)
    why += fmt::format("\n  {}: {}, now {}", differences[i].key, quotable(differences[i].a),
                       quotable(differences[i].b));
  if (differences.size() > most) why += fmt::format("\n  and {} more", differences.size() - most);
  throw_error<ConfigError>(
      "{}: holds an interrupted run that differs from this one:{}\naccepted: the same experiment "
      "and program, another output folder, or --fresh to start over",
      writer.output().string(), why);
}

/// The first snapshots of the folder must be what the checkpoint counts.
void check_snapshots(const ResultWriter& writer) {
  for (int64_t index = 0; index < writer.snapshots(); ++index)
    if (const std::string problem = writer.problem_of_snapshot(index); !problem.empty())
      throw_error<Error>("{}", problem);
}

/// Of those whose snapshots are finished; the writer then counts these as its own.
std::optional<Checkpoint> newest_checkpoint(ResultWriter& writer, const RunFacts& facts,
                                            ProgressSink& sink) {
  for (const std::string& name : writer.checkpoints().names()) try {
      Checkpoint checkpoint = writer.checkpoints().read(name);
      check_same_run(writer, checkpoint.facts, facts);
      writer.visit_state(StateVisitor::loading(checkpoint.state).group("result"));
      check_snapshots(writer);
      return checkpoint;
    } catch (const ConfigError&) {
      throw;
    } catch (const Error& e) {
      writer.forget();
      sink.line(fmt::format("{} cannot be used: {}", name, e.what()));
    }
  return {};
}

/// What the first finished snapshot tells of its run; nothing if there is none.
std::optional<RunFacts> facts_of_snapshots(const ResultWriter& writer) {
  for (int64_t index = 0; fs::exists(writer.snapshot_path(index)); ++index)
    if (writer.problem_of_snapshot(index).empty())
      return read_run_facts(h5::File::open(writer.snapshot_path(index)));
  return {};
}

/// "epoch 3, step 120".
std::string place_of(const State& state) {
  int64_t epoch = 0, step = 0;
  StateVisitor run = StateVisitor::loading(state).group("run");
  run.visit("epoch", epoch);
  run.visit("step", step);
  return fmt::format("epoch {}, step {}", epoch, step);
}

}  // namespace

std::optional<State> state_to_resume(ResultWriter& writer, const RunFacts& facts, Interrupted how,
                                     ProgressSink& sink) {
  const std::string output = writer.output().string();
  const bool is_interrupted = writer.holds_interrupted_run();
  if (is_interrupted && how == Interrupted::refuse)
    throw_error<ConfigError>(
        "{}: holds an interrupted run; accepted: without --no-resume to go on with it, --fresh to "
        "start over, or another output folder",
        output);
  if (is_interrupted && how == Interrupted::resume) {
    if (auto checkpoint = newest_checkpoint(writer, facts, sink)) {
      const std::string place = place_of(checkpoint->state);
      writer.checkpoints().add_resumption(now_utc() + ", " + place);
      sink.line(fmt::format("{}: goes on from the checkpoint at {}; keeps {} snapshot{}", output,
                            place, writer.snapshots(), writer.snapshots() == 1 ? "" : "s"));
      return std::move(checkpoint->state);
    }
    if (const auto before = facts_of_snapshots(writer)) {
      check_same_run(writer, *before, facts);
      writer.checkpoints().add_resumption(now_utc() + ", epoch 0, step 0");
      sink.line(output +
                ": no checkpoint to go on from: starts from the beginning; variants that "
                "are finished are kept");
      return {};
    }
  }
  writer.start_over();
  if (!writer.set_aside().empty())
    sink.line("snapshots of an interrupted run were moved to " + writer.set_aside().string());
  return {};
}

}  // namespace quantdyn
