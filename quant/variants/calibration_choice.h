// Which training images calibration sees.
#pragma once

#include <cstdint>
#include <vector>

#include "framework/config/options.h"

namespace quantdyn {

/// The section `calibration` of a variant.
struct CalibrationChoice {
  enum class Order {
    shuffle,  ///< of a seeded shuffle
    first,    ///< as the dataset has them
    balanced  ///< of the shuffle, as many of each class (or one more of some)
  };

  int64_t images = 0;  ///< the first of that order, not augmented; 0: nothing is calibrated
  Order order = Order::shuffle;
  int64_t seed = 0;  ///< which of the experiment's shuffles
  /// Numbers of images, ascending, whose ranges are recorded beside those of all.
  std::vector<int64_t> convergence;

  /// Throws ConfigError for more images than there are, a seed where nothing is drawn, or numbers
  /// that do not ascend to `images` at most. Finishes the section.
  static CalibrationChoice read(const Options& section, int64_t training_images);
};

}  // namespace quantdyn
