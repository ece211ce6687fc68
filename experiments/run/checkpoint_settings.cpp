#include "experiments/run/checkpoint_settings.h"

namespace quantdyn {

CheckpointSettings CheckpointSettings::read(const Options& section, int64_t train_epochs) {
  CheckpointSettings out;
  out.epochs = section.integer("epochs", 1, accept::at_least<int64_t>(0),
                               "a checkpoint after every n epochs; 0: none; at the end of training "
                               "there is always one");
  out.steps = section.integer("steps", 0, accept::at_least<int64_t>(0),
                              "a checkpoint every n steps; 0: none");
  out.minutes = section.number("minutes", 0.0, accept::at_least(0.0),
                               "a checkpoint after the step at which the last one is so old; 0: "
                               "none");
  section.finish();
  if (train_epochs == 0)
    for (const char* key : {"epochs", "steps", "minutes"})
      section.leave_out(key, "does nothing where train.epochs is 0");
  return out;
}

}  // namespace quantdyn
