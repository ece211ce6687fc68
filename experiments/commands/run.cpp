// `quantdyn run`.
#include "experiments/commands/run_and_print.h"

namespace quantdyn {
namespace {

void run(const CommandCall& call) { run_and_print("run", call, run_experiment); }

}  // namespace

Command run_command() {
  return {"run",
          "CONFIG",
          "train, quantize, track and write result.h5",
          run_options(),
          run,
          "quantdyn run experiments/example.yaml --set seed=1 --output results/seed1"};
}

}  // namespace quantdyn
