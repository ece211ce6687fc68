// `quantdyn finish`.
#include "experiments/commands/command.h"
#include "experiments/commands/summary_table.h"
#include "experiments/results/finish_result.h"
#include "experiments/results/open_result.h"
#include "experiments/terminal/output.h"
#include "framework/base/error.h"

namespace quantdyn {
namespace {

po::options_description options() {
  po::options_description out("options");
  out.add_options()("force", po::bool_switch(), "replace a result that is already there");
  return out;
}

void finish(const CommandCall& call) {
  const FinishedResult finished = finish_result(
      call.only_file("finish"), call.has("force") ? Overwrite::replace : Overwrite::refuse);
  print_result(summary_table(summary_of(ResultReader(open_own_result(finished.result)))));
  print_result(
      fmt::format("written: {} from {} snapshots\n", finished.result.string(), finished.snapshots));
  if (!finished.ended.empty()) print_result(fmt::format("ended early: {}\n", finished.ended));
}

}  // namespace

Command finish_command() {
  return {"finish",  "DIR",  "make result.h5 of what an interrupted run finished",
          options(), finish, "quantdyn finish results/example"};
}

}  // namespace quantdyn
