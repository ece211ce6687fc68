// The error of quantizing an entry's values with the quantizer fitted to a candidate range.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "quant/quantizers/distribution.h"
#include "quant/quantizers/quantizer.h"

namespace quantdyn {

/// sum count |x - Q(x)|^p / size^p over an entry's values, Q the quantizer fitted to a range, size
/// the largest |x|.
class RangeError {
 public:
  /// p over 0. The quantizer outlives this; `tensor` names its random stream.
  RangeError(const Quantizer& quantizer, const std::string& tensor, const Distribution& values,
             double p);

  /// Throws Error if the quantizer cannot cover the range.
  double operator()(const Range& range);

 private:
  static constexpr int64_t lanes = 16;  // values that are summed at once
  using Lanes = std::array<double, lanes>;

  /// To the power of p, by products and a square root where it is a multiple of 1/2.
  void raise(Lanes& errors) const;

  const Quantizer& quantizer_;
  int64_t channels_;  // of the tile that the values are laid out as
  FittingTask task_;
  double p_, unit_;  // unit: 1 / size
  std::vector<float> values_, quantized_;
  std::vector<double> counts_;  // 0 after the last value
};

}  // namespace quantdyn
