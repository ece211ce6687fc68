// `quantdyn validate`.
#include <iostream>

#include "experiments/commands/experiment_options.h"
#include "framework/base/error.h"

namespace quantdyn {
namespace {

void validate(const CommandCall& call) {
  const RunRequest request = request_of("validate", call);
  const std::vector<RunPlan> plans = validate_experiment(request);
  for (const RunPlan& plan : plans)
    std::cout << fmt::format(
        "{} is a valid experiment{}: {} parameters, {} training and {} test images, {} epochs, {} "
        "variant{}\n",
        request.config.string(), plans.size() > 1 ? " (" + plan.experiment + ")" : "",
        plan.parameters, plan.train_images, plan.test_images, plan.epochs, plan.variants,
        plan.variants == 1 ? "" : "s");
}

}  // namespace

Command validate_command() {
  return {"validate", "CONFIG", "check an experiment and its data, compute nothing",
          experiment_options(), validate};
}

}  // namespace quantdyn
