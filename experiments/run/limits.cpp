#include "experiments/run/limits.h"

#include <algorithm>
#include <numeric>

#include "framework/base/error.h"
#include "framework/base/machine.h"

namespace quantdyn {
namespace {

std::string too_much(const PlannedRun& run, const char* of_what, int64_t bytes,
                     const std::vector<Need>& needs, const Limit& limit) {
  const Need& largest = *std::ranges::max_element(needs, {}, &Need::bytes);
  return fmt::format(
      "{}: needs about {} of {}, and may have {} ({}); most of it, {}, is for {}; accepted: {}, or "
      "--ignore-limits",
      run.name, size_text(bytes), of_what, size_text(limit.bytes), limit.source,
      size_text(largest.bytes), largest.what, largest.remedy);
}

/// What an interrupted run left in the folder: the run that goes on needs it no more.
int64_t bytes_there(const std::filesystem::path& output) {
  int64_t out = 0;
  std::error_code error;
  for (const char* folder : {"snapshots", "checkpoints"})
    for (const auto& entry : std::filesystem::directory_iterator(output / folder, error))
      if (const auto size = entry.file_size(error); !error) out += static_cast<int64_t>(size);
  return out;
}

/// "" if the runs that need most memory fit beside each other.
std::string excess_at_once(const std::vector<PlannedRun>& runs, int at_once, const Limit& memory) {
  std::vector<int64_t> bytes;
  for (const PlannedRun& run : runs) bytes.push_back(total(run.estimate.memory));
  std::ranges::sort(bytes, std::ranges::greater{});
  bytes.resize(std::min(bytes.size(), static_cast<size_t>(at_once)));
  const int64_t sum = std::accumulate(bytes.begin(), bytes.end(), int64_t{0});
  if (sum <= memory.bytes) return "";
  return fmt::format(
      "--jobs {}: the {} largest members together need about {} of memory, and may have {} ({}); "
      "accepted: fewer jobs, or --ignore-limits",
      at_once, bytes.size(), size_text(sum), size_text(memory.bytes), memory.source);
}

}  // namespace

std::string excess(const std::vector<PlannedRun>& runs, int at_once) {
  const Limit memory = memory_limit(), file = file_limit();
  int64_t all = 0;
  for (const PlannedRun& run : runs) {
    const Estimate& need = run.estimate;
    if (total(need.memory) > memory.bytes)
      return too_much(run, "memory", total(need.memory), need.memory, memory);
    if (need.largest_file > file.bytes)
      return too_much(run, "disk in one file", need.largest_file, need.disk, file);
    all += std::max<int64_t>(0, total(need.disk) - bytes_there(run.output));
    const Limit disk = disk_limit(run.output);
    if (all > disk.bytes) return too_much(run, "disk", all, need.disk, disk);
  }
  return at_once > 1 ? excess_at_once(runs, at_once, memory) : "";
}

void require_limits(const std::vector<PlannedRun>& runs, const RunRequest& request,
                    ProgressSink& progress, int at_once) {
  const std::string message = excess(runs, at_once);
  if (message.empty()) return;
  if (!request.ignore_limits) throw_error<ConfigError>("{}", message);
  progress.line(message.substr(0, message.find("; accepted")) + "; ignored");
}

}  // namespace quantdyn
