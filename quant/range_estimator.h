// Range estimators: from observed values to the ranges that a quantizer is fitted to.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "framework/registry.h"
#include "framework/tap.h"
#include "quant/range.h"

namespace quantdyn {

class Quantizer;

/// Whose ranges are asked for.
struct RangeTask {
  std::string tensor;  ///< "dw2/output": for errors
  int64_t channels;
  const Quantizer* quantizer;  ///< what the ranges are for; says how many; outlives the observer
};

/// Watches one tensor and says its ranges.
///
/// The ranges depend on the values and on their order in chunks of images, never on batches or
/// threads. Workers may add tiles of their own chunks at the same time.
class RangeObserver : public Observer {
 public:
  /// One range, or one a channel, as the quantizer's granularity says. Call once all was observed.
  /// Throws Error that names the tensor where nothing, or a NaN or an infinity, was observed.
  virtual std::vector<Range> ranges() const = 0;
};

/// A way of choosing ranges, with its options: min-max, percentile.
class RangeEstimator {
 public:
  virtual ~RangeEstimator() = default;
  virtual std::unique_ptr<RangeObserver> observe(const RangeTask& task) const = 0;
};

using RangeEstimatorRegistry = Registry<RangeEstimator>;

/// Shows an observer a whole tensor, channels innermost: a weight.
void observe_tensor(RangeObserver& observer, std::span<const float> values, int64_t channels);

}  // namespace quantdyn
