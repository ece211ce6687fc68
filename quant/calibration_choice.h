// Which training images calibration sees.
#pragma once

#include <cstdint>

#include "framework/options.h"

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

  /// Throws ConfigError for more images than there are, or a seed where nothing is drawn. Finishes
  /// the section.
  static CalibrationChoice read(const Options& section, int64_t training_images);
};

}  // namespace quantdyn
