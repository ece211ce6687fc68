// Which training images calibration sees.
#pragma once

#include <cstdint>
#include <vector>

#include "framework/config/options.h"

namespace quantdyn {

/// The section `calibration` of a variant.
struct CalibrationChoice {
  enum class Order {
    shuffle,  ///< in the order of a seeded shuffle
    first,    ///< in the dataset's order
    balanced  ///< of the shuffle, equally many of each class (or one more of some)
  };

  int64_t images = 0;  ///< the first of that order, not augmented; 0: nothing is calibrated
  Order order = Order::shuffle;
  int64_t seed = 0;  ///< selects one of the experiment's shuffles
  /// Numbers of images, ascending; their ranges are recorded as well as those of all images.
  std::vector<int64_t> convergence;

  /// Throws ConfigError for more images than the set has, a seed if nothing is drawn, or numbers
  /// that do not ascend to at most `images`. Finishes the section.
  static CalibrationChoice read(const Options& section, int64_t training_images);
};

}  // namespace quantdyn
