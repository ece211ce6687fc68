// `quantdyn sweep status`.
#include <algorithm>
#include <cmath>
#include <map>

#include "experiments/commands/experiment_options.h"
#include "experiments/sweep/member_state.h"
#include "experiments/terminal/output.h"
#include "experiments/text/table.h"
#include "framework/base/error.h"
#include "framework/base/printable.h"

namespace quantdyn {
namespace {

constexpr const char* command = "sweep status";

po::options_description options() {
  po::options_description out("options");
  add_file_options(out);
  return out;
}

std::string detail_of(const MemberStatus& status) {
  if (!status.detail.empty()) return quotable(status.detail);
  if (status.state == MemberState::done || std::isnan(status.since_saved)) return "-";
  return fmt::format("saved {} ago", time_text(status.since_saved));
}

/// "12 done, 2 running, 26 waiting; 0:34 each on average".
std::string totals(const std::vector<MemberStatus>& all) {
  std::vector<std::string> parts;
  for (const MemberState state : {MemberState::done, MemberState::running, MemberState::failed,
                                  MemberState::interrupted, MemberState::waiting})
    if (const auto n = std::ranges::count(all, state, &MemberStatus::state))
      parts.push_back(fmt::format("{} {}", n, name_of(state)));
  double seconds = 0, timed = 0;
  for (const MemberStatus& status : all)
    if (status.state == MemberState::done && !std::isnan(status.seconds)) {
      seconds += status.seconds;
      ++timed;
    }
  return fmt::format(
      "{} of {}{}\n", fmt::join(parts, ", "), all.size(),
      timed > 0 ? "; a finished one took " + time_text(seconds / timed) + " on average" : "");
}

void status(const CommandCall& call) {
  std::vector<std::vector<std::string>> rows{{"number", "member", "state", "time", "remark"}};
  std::vector<MemberStatus> all;
  for (const RunRequest& run : sweep_of(command, file_request_of(command, call))) {
    all.push_back(status_of(run.output));
    rows.push_back({std::to_string(run.member.number), run.member.name, name_of(all.back().state),
                    std::isnan(all.back().seconds) ? "-" : time_text(all.back().seconds),
                    detail_of(all.back())});
  }
  print_result(format_table(rows) + totals(all));
}

}  // namespace

Command sweep_status_command() {
  return {command,   "CONFIG", "which members are done, running, failed or waiting",
          options(), status,   "quantdyn sweep status experiments/study/families.yaml"};
}

}  // namespace quantdyn
