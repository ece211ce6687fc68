#include "experiments/commands/sweep_jobs.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstring>
#include <memory>
#include <optional>
#include <thread>

#include "experiments/run/finished_run.h"
#include "experiments/run/sweep.h"
#include "experiments/sweep/member_process.h"
#include "experiments/terminal/live_lines.h"
#include "experiments/text/table.h"
#include "framework/base/error.h"
#include "framework/base/stopwatch.h"

namespace quantdyn {
namespace {

std::filesystem::path log_of(const RunRequest& run) { return run.output / "log.txt"; }

/// The last line of a member's log without the names that begin it.
std::string said_by(const RunRequest& run) {
  std::string out = last_line(log_of(run));
  for (const std::string& before : {std::string("quantdyn: "), run.member.name + ": "})
    if (out.starts_with(before)) out.erase(0, before.size());
  return out;
}

/// Why a member has no result, from how its process ended and its log.
std::string failure_of(const RunRequest& run, int exit_code) {
  const std::string& name = run.member.name;
  if (exit_code < 0)
    return fmt::format(
        "{}: ended by signal {} ({}); what it had saved stays, and the next run goes "
        "on with it",
        name, -exit_code, ::strsignal(-exit_code));
  return fmt::format("{}: {} (exit code {}; {})", name, said_by(run), exit_code,
                     log_of(run).string());
}

using FileTime = std::filesystem::file_time_type;

/// When a member's result was written; FileTime::min() where there is none.
FileTime time_of_result(const RunRequest& run) {
  std::error_code error;
  const FileTime out = std::filesystem::last_write_time(run.output / "result.h5", error);
  return error ? FileTime::min() : out;
}

/// `before`: time_of_result() when its process started.
RunReport report_of_process(const RunRequest& run, int exit_code, FileTime before) try {
  const bool is_new = time_of_result(run) != before;
  if (exit_code == 0 || (exit_code == 1 && is_new)) {  // 1: a variant failed
    RunReport out = report_of(run.member.name, run.output / "result.h5");
    out.was_finished = !is_new;
    return out;
  }
  return {.experiment = run.member.name, .failures = {failure_of(run, exit_code)}};
} catch (const Error& e) {
  return {.experiment = run.member.name,
          .failures = {fmt::format("{}: {}", run.member.name, e.what())}};
}

/// One place where a member can run.
struct Slot {
  int threads;
  size_t run = 0;
  std::unique_ptr<MemberProcess> process = nullptr;  ///< null: free
  Stopwatch watch = {};
  FileTime before = {};  ///< time_of_result() at the start
};

class Jobs {
 public:
  Jobs(const std::vector<RunRequest>& runs, const SweepJobs& how, ProgressSink& progress)
      : runs_(runs),
        how_(how),
        reports_(check_sweep(runs, how.jobs, progress)),
        queue_(runs, reports_) {
    for (int i = 0; i < how.jobs; ++i) {
      Slot slot{std::max(1, how.threads / how.jobs + (i < how.threads % how.jobs ? 1 : 0))};
      slots_.push_back(std::move(slot));
    }
  }

  std::vector<RunReport> run() {
    int signal = 0;
    for (;;) {
      if (signal == 0) signal = pass_on_stop();
      bool is_running = false;
      for (Slot& slot : slots_) {
        if (slot.process) collect(slot);
        if (!slot.process && signal == 0) start_next(slot);
        is_running = is_running || slot.process;
      }
      if (!is_running) break;
      show();
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    if (signal != 0) throw Stopped(signal, kept_of_sweep(reports_));
    return ended();
  }

 private:
  int pass_on_stop() {
    const StopFlag* const stop = runs_.front().stop;
    const int signal = stop ? stop->signal() : 0;
    if (signal != 0)
      for (Slot& slot : slots_)
        if (slot.process) slot.process->send(signal);
    return signal;
  }

  void collect(Slot& slot) {
    const auto code = slot.process->exit_code();
    if (!code) return;
    slot.process.reset();
    const RunRequest& run = runs_[slot.run];
    reports_[slot.run] = report_of_process(run, *code, slot.before);
    const RunReport& report = *reports_[slot.run];
    const std::string time = time_text(slot.watch.seconds());
    line(report.result.empty() ? report.failures.front()
                               : fmt::format("{}: finished after {}{}", run.member.name, time,
                                             report.failures.empty() ? "" : "; a variant failed"));
  }

  void start_next(Slot& slot) {
    while (const auto next = queue_.next()) {
      const RunRequest& run = runs_[*next];
      slot.before = time_of_result(run);
      try {
        slot.process =
            std::make_unique<MemberProcess>(how_.arguments(run.member, slot.threads), log_of(run));
      } catch (const Error& e) {
        reports_[*next] = RunReport{.experiment = run.member.name,
                                    .failures = {fmt::format("{}: {}", run.member.name, e.what())}};
        line(reports_[*next]->failures.front());
        continue;
      }
      slot.run = *next;
      slot.watch = Stopwatch();
      line(fmt::format("{}: starts", run.member.name));
      return;
    }
  }

  void line(const std::string& text) {
    if (!how_.quiet) lines_.line(text);
  }

  void show() {
    if (how_.quiet || since_shown_.seconds() < 0.2) return;
    since_shown_ = Stopwatch();
    const auto done =
        std::ranges::count_if(reports_, [](const auto& report) { return report.has_value(); });
    std::vector<std::string> lines{
        fmt::format("{} of {} ended, {}", done, runs_.size(), time_text(watch_.seconds()))};
    for (const Slot& slot : slots_)
      if (slot.process)
        lines.push_back(fmt::format("{}  {}  {}", runs_[slot.run].member.name,
                                    time_text(slot.watch.seconds()), said_by(runs_[slot.run])));
    lines_.show(lines);
  }

  std::vector<RunReport> ended() const {
    std::vector<RunReport> out;
    for (const auto& report : reports_)
      if (report) out.push_back(*report);
    return out;
  }

  const std::vector<RunRequest>& runs_;
  const SweepJobs& how_;
  std::vector<std::optional<RunReport>> reports_;
  std::vector<Slot> slots_;
  MemberQueue queue_;
  LiveLines lines_;
  Stopwatch watch_, since_shown_;
};

}  // namespace

std::vector<RunReport> run_sweep_jobs(const std::vector<RunRequest>& runs, const SweepJobs& how,
                                      ProgressSink& progress) {
  return Jobs(runs, how, progress).run();
}

}  // namespace quantdyn
