#include "quant/variants/calibration_choice.h"

#include <algorithm>

namespace quantdyn {

CalibrationChoice CalibrationChoice::read(const Options& section, int64_t training_images) {
  CalibrationChoice out;
  out.images = section.integer(
      "images", std::min<int64_t>(512, training_images), accept::at_least<int64_t>(1),
      "training images, not augmented: the first in the order of `choice`");
  out.order = section.choice<Order>(
      "choice", Order::shuffle,
      {{"shuffle", Order::shuffle}, {"first", Order::first}, {"balanced", Order::balanced}},
      "a seeded shuffle; the dataset's order; a shuffle with equally many images of each class");
  out.seed = section.integer("seed", 0, accept::at_least<int64_t>(0),
                             "selects one of the experiment's shuffles");
  out.convergence = section.integers(
      "convergence", std::vector<int64_t>{}, accept::at_least<int64_t>(1),
      "numbers of images, ascending: the ranges from the first n images are recorded");
  section.finish();
  if (out.images > training_images)
    section.refuse("images", fmt::format("{} asked for, the training set has {}", out.images,
                                         training_images));
  if (out.order == Order::first) section.leave_out("seed", "has no meaning with choice: first");
  for (size_t i = 0; i < out.convergence.size(); ++i)
    if (out.convergence[i] > out.images || (i > 0 && out.convergence[i] <= out.convergence[i - 1]))
      section.refuse("convergence",
                     fmt::format("{} is out of place; accepted: ascending numbers, at most {}",
                                 out.convergence[i], out.images));
  return out;
}

}  // namespace quantdyn
