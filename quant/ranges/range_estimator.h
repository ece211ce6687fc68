// Range estimators: from observed values to the ranges that a quantizer is fitted to.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "framework/config/registry.h"
#include "framework/graph/tap.h"
#include "quant/quantizers/quantizer.h"
#include "quant/quantizers/range.h"

namespace quantdyn {

/// The tensor whose ranges are estimated.
struct RangeTask {
  std::string tensor;  ///< "dw2/output": for errors
  int64_t channels;
  const Quantizer* quantizer;  ///< what the ranges are for, and how many; outlives the observer
  TensorKind kind = TensorKind::activation;  ///< a weight is one chunk
};

/// Watches one tensor and gives its ranges.
///
/// The ranges depend on the values and on their order in chunks of images, never on batches or
/// threads. Workers may add tiles of their own chunks at the same time.
class RangeObserver : public Observer {
 public:
  /// To be called when everything was observed: true if the same tiles must be observed once more
  /// before ranges() can be called. Throws Error as ranges().
  virtual bool wants_another_pass() { return false; }
  /// One range for each entry of the quantizer's granularity. Throws Error naming the tensor
  /// if nothing, or a NaN or an infinity, was observed.
  virtual std::vector<Range> ranges() const = 0;
};

/// Whether ranges depend on the levels of the quantizer that they are for.
enum class Levels {
  matter,
  ignored  ///< the values and the granularity decide alone
};

/// A way of choosing ranges, with its options: min-max, percentile.
class RangeEstimator {
 public:
  virtual ~RangeEstimator() = default;
  /// Why ranges of such tensors cannot be chosen in this way; "" if they can.
  virtual std::string refusal(TensorKind kind) const {
    static_cast<void>(kind);
    return "";
  }
  virtual std::unique_ptr<RangeObserver> observe(const RangeTask& task) const = 0;
  virtual Levels levels() const { return Levels::matter; }
};

/// An estimator for any tensor; `observe(task)` makes its observers.
template <typename Observe>
std::unique_ptr<RangeEstimator> estimator_of(const Observe& observe,
                                             Levels levels = Levels::matter) {
  class Made final : public RangeEstimator {
   public:
    Made(const Observe& observe, Levels levels) : observe_(observe), levels_(levels) {}
    std::unique_ptr<RangeObserver> observe(const RangeTask& task) const override {
      return observe_(task);
    }
    Levels levels() const override { return levels_; }

   private:
    Observe observe_;
    Levels levels_;
  };
  return std::make_unique<Made>(observe, levels);
}

using RangeEstimatorRegistry = Registry<RangeEstimator>;

}  // namespace quantdyn
