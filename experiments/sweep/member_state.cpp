#include "experiments/sweep/member_state.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <optional>

#include "experiments/results/finish_result.h"
#include "experiments/results/result_reader.h"
#include "framework/base/durable_file.h"
#include "framework/base/error.h"

namespace quantdyn {
namespace {

namespace fs = std::filesystem;

double seconds_since(fs::file_time_type time) {
  return std::chrono::duration<double>(fs::file_time_type::clock::now() - time).count();
}

/// When each file of `folders` that a run writes was written.
std::vector<fs::file_time_type> times_of_files(const fs::path& output) {
  std::vector<fs::file_time_type> out;
  std::error_code error;
  for (const char* folder : {"snapshots", "checkpoints"})
    for (const auto& entry : fs::directory_iterator(output / folder, error))
      if (const auto time = entry.last_write_time(error); !error) out.push_back(time);
  return out;
}

MemberStatus status_of_result(const fs::path& path) try {
  const ResultReader result(path);
  const h5::Group provenance = result.file().group("provenance");
  MemberStatus out{MemberState::done, std::nan(""), std::nan("")};
  if (provenance.has_attribute("seconds")) out.seconds = provenance.number("seconds");
  if (provenance.has_attribute("failures")) out.detail = provenance.text("failures");
  if (const std::string ended = ended_early(result); !ended.empty())
    out.detail = "ended early: " + ended;
  return out;
} catch (const Error& e) {
  return {MemberState::failed, std::nan(""), std::nan(""), e.what()};
}

}  // namespace

const char* name_of(MemberState state) {
  switch (state) {
    case MemberState::done:
      return "done";
    case MemberState::running:
      return "running";
    case MemberState::failed:
      return "failed";
    case MemberState::interrupted:
      return "interrupted";
    case MemberState::waiting:
      return "waiting";
  }
  return "";
}

MemberStatus status_of(const fs::path& output) {
  MemberStatus out{MemberState::waiting, std::nan(""), std::nan("")};
  refresh_folder(output);
  const std::vector<fs::file_time_type> times = times_of_files(output);
  if (!times.empty()) out.since_saved = seconds_since(std::ranges::max(times));
  if (is_locked(output)) {
    out.state = MemberState::running;
    if (!times.empty()) out.seconds = seconds_since(std::ranges::min(times));
    return out;
  }
  if (fs::exists(output / "result.h5")) return status_of_result(output / "result.h5");
  out.detail = noted_failure(output);
  if (!out.detail.empty())
    out.state = MemberState::failed;
  else if (!times.empty())
    out.state = MemberState::interrupted;
  return out;
}

}  // namespace quantdyn
