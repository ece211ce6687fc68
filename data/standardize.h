// Turning pixel values into the net's input: (x - mean) / deviation, channel by channel.
#pragma once

#include <vector>

#include "data/dataset.h"

namespace quantdyn {

/// Per channel; input = (x - mean[c]) / deviation[c], computed in float.
struct Standardization {
  std::vector<double> mean;
  std::vector<double> deviation;  ///< over 0
};

/// Mean and deviation of every channel over all pixels of all images. The deviation is that of the
/// sample (divided by n - 1, like torch's std()). Two passes in double, combined over a fixed tree
/// of images: the same bits for any number of threads. ConfigError if a channel is constant.
Standardization channel_statistics(const Dataset& train);

/// Reads the section `standardize` and calls its finish():
/// mode channel (default): channel_statistics of the training set; given: `mean` and `deviation`, a
/// number for each channel or one for all; scale: mean 0, x times `factor`; none: pixels as stored.
class StandardizationSettings {
 public:
  explicit StandardizationSettings(const Options& section);
  /// ConfigError if the numbers given do not fit the dataset's channels.
  Standardization make(const Dataset& train) const;

 private:
  enum class Mode { channel, given, scale, none };

  Options section_;
  Mode mode_;
  std::vector<double> mean_, deviation_;
  double factor_ = 1;
};

}  // namespace quantdyn
