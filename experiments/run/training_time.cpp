#include "experiments/run/training_time.h"

#include "framework/base/stopwatch.h"

namespace quantdyn {
namespace {

constexpr double measured_seconds = 0.5;

/// Ends the epoch that is measured.
struct Measured {
  double seconds_per_step;
};

}  // namespace

double training_seconds(Experiment& experiment) {
  TrainingSettings& train = experiment.train;
  if (train.epochs == 0) return 0;
  experiment.network->initialize(*experiment.initializer, experiment.rng("initialize"));
  Trainer trainer(*experiment.network, *experiment.data->train, experiment.standardization, train,
                  experiment.computing.fusing, experiment.computing.algorithm,
                  experiment.rng("train"));
  SilentProgress unseen;
  const auto progress = unseen.begin("", 1, "", 0);
  Stopwatch watch;
  int64_t first = -1;  // steps before it warm up caches and memory
  const auto epochs = static_cast<double>(train.epochs);
  try {
    const EpochResult whole = trainer.run_epoch(1, *progress, [&](int64_t step) {
      if (first < 0) {
        first = step;
        watch = Stopwatch();
      } else if (const double seconds = watch.seconds(); seconds >= measured_seconds) {
        throw Measured{seconds / static_cast<double>(step - first)};
      }
    });
    return whole.seconds * epochs;
  } catch (const Measured& measured) {
    return measured.seconds_per_step * static_cast<double>(train.steps_per_epoch) * epochs;
  }
}

}  // namespace quantdyn
