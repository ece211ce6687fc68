// `quantdyn validate`.
#include <algorithm>

#include "experiments/commands/experiment_options.h"
#include "experiments/terminal/output.h"
#include "framework/base/error.h"
#include "framework/base/machine.h"

namespace quantdyn {
namespace {

/// "  needs about 480 MiB of memory, an estimate: 204 MiB for program, data and net; ...".
std::string need_text(const char* of_what, std::vector<Need> needs) {
  std::ranges::sort(needs, std::ranges::greater{}, &Need::bytes);
  std::vector<std::string> parts;
  for (const Need& need : needs)
    if (need.bytes > 0) parts.push_back(fmt::format("{} for {}", size_text(need.bytes), need.what));
  return fmt::format("  needs about {} of {}, an estimate: {}\n", size_text(total(needs)), of_what,
                     fmt::join(parts, ", "));
}

void validate(const CommandCall& call) {
  const RunRequest request = request_of("validate", call);
  const std::vector<RunPlan> plans = validate_experiment(request);
  for (const RunPlan& plan : plans)
    print_result(fmt::format("{} is a valid experiment{}: {} parameters, {} training and {} test "
                             "images, {} epochs, {} "
                             "variant{}\n",
                             request.config.string(),
                             plans.size() > 1 ? " (" + plan.experiment + ")" : "", plan.parameters,
                             plan.train_images, plan.test_images, plan.epochs, plan.variants,
                             plan.variants == 1 ? "" : "s") +
                 need_text("memory", plan.estimate.memory) + need_text("disk", plan.estimate.disk));
}

}  // namespace

Command validate_command() {
  return {"validate", "CONFIG", "check an experiment and its data, compute nothing",
          experiment_options(), validate};
}

}  // namespace quantdyn
