// `quantdyn validate`.
#include <algorithm>

#include "experiments/commands/experiment_options.h"
#include "experiments/terminal/output.h"
#include "experiments/text/table.h"
#include "framework/base/error.h"
#include "framework/base/machine.h"
#include "framework/base/threads.h"

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

/// "trains for about 1:02 ...", or why that could not be measured.
std::string time_needed(const RunRequest& request, const std::vector<RunPlan>& plans) try {
  return fmt::format(
      "  trains for about {} if members run one after the other with {} threads: some steps of "
      "each net were run here and counted up; snapshots, tracking and variants are not in it\n",
      time_text(sweep_training_seconds(request, plans)), worker_count());
} catch (const Error& e) {
  return fmt::format("  how long it trains could not be measured: {}\n", e.what());
}

/// What a sweep as a whole needs.
std::string sweep_text(const RunRequest& request, const std::vector<RunPlan>& plans) {
  const auto memory = [](const RunPlan& plan) { return total(plan.estimate.memory); };
  const auto [fewest, most] = std::ranges::minmax(plans, {}, &RunPlan::parameters);
  const RunPlan largest = std::ranges::max(plans, {}, memory);
  int64_t disk = 0;
  for (const RunPlan& plan : plans) disk += total(plan.estimate.disk);
  return fmt::format(
      "{} is a sweep of {} members with {} parameters\n"
      "  needs about {} of memory for one member at a time (the most is that of {}) and {} of disk "
      "for all, estimates\n",
      request.config.string(), plans.size(),
      fewest.parameters == most.parameters
          ? std::to_string(most.parameters)
          : fmt::format("{} to {}", fewest.parameters, most.parameters),
      size_text(memory(largest)), largest.experiment, size_text(disk));
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
                 (plan.micro_batch.empty() ? "" : "  trains in " + plan.micro_batch + "\n") +
                 need_text("memory", plan.estimate.memory) + need_text("disk", plan.estimate.disk));
  if (plans.size() > 1) print_result(sweep_text(request, plans) + time_needed(request, plans));
}

}  // namespace

Command validate_command() {
  return {"validate",
          "CONFIG",
          "check an experiment and its data; of a sweep, measure some steps",
          experiment_options(),
          validate,
          "quantdyn validate experiments/example.yaml"};
}

}  // namespace quantdyn
