// The range of one tensor while a net trains with quantization: re-estimated, or learned.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "framework/base/state.h"
#include "framework/graph/copying_transform.h"
#include "framework/graph/layer.h"
#include "quant/kernels/gradient_passing.h"
#include "quant/schemes/scheme.h"

namespace quantdyn {

/// How a quantizer's range moves in training.
///
/// straight_through: estimated anew; gradients pass where codes do not saturate (Jacob et al. 2018,
/// arXiv 1712.05877, section 3). lsq: the step s is trained, the zero point stays (Esser et al.
/// 2020, arXiv 1902.08153, equations 3 to 5). pact: the upper end is trained (Choi et al. 2018,
/// arXiv 1805.06085, equations 1 to 3).
enum class Learning { straight_through, lsq, pact };
/// What pass_gradient() has to sum for TrainedRange::add_gradient().
RangeSums sums_of(Learning learning);

class TrainedRange {
 public:
  /// Starts at `ranges`. `count`: values per entry (of one image for activations), by which LSQ
  /// scales its gradient. `values`: for quantizers that need them. lsq and pact need an affine
  /// quantizer.
  TrainedRange(std::shared_ptr<const Scheme> scheme, std::string tensor, int64_t channels,
               Learning learning, std::vector<Range> ranges, int64_t count,
               std::vector<Distribution> values = {});

  const std::vector<Range>& ranges() const { return ranges_; }
  const Quantization& quantization() const { return *quantization_; }
  /// to [rows, channels] = the tile, quantized.
  void quantize(const Tile& from, float* to) const;
  const Scheme& scheme() const { return *scheme_; }
  const std::string& tensor() const { return tensor_; }
  Learning learning() const { return learning_; }
  int64_t channels() const { return channels_; }

  /// straight_through: continues with these ranges, and with values if the quantizer needs them.
  void set(std::vector<Range> ranges, std::vector<Distribution> values = {});
  /// The others: takes the parameter as the optimizer left it. Call it after each step.
  void follow_parameter();
  /// The trained steps or upper ends, [entries]; its master is empty with straight_through.
  Parameter<float>& parameter() { return parameter_; }

  /// The interval of values that gradients pass to, by channel: with straight_through, values whose
  /// codes do not saturate; with the others, those between the outermost levels.
  const std::vector<float>& lowest() const { return lowest_; }
  const std::vector<float>& highest() const { return highest_; }
  /// Adds to parameter().grad. `sums` [channels]: for lsq, sum dy (y - x) of the values inside plus
  /// sum dy y of those outside; for pact, sum dy of those above.
  void add_gradient(const std::vector<double>& sums);
  /// Values that a range was estimated from are not part of it: set() gives them anew.
  void visit_state(StateVisitor state);

 private:
  void start_steps();
  void fit();

  std::shared_ptr<const Scheme> scheme_;
  std::string tensor_;
  int64_t channels_;
  Learning learning_;
  std::vector<Range> ranges_;  // by entry
  int64_t count_;
  std::vector<Distribution> values_;
  std::unique_ptr<Quantization> quantization_;
  const CopyingTransform* copying_ = nullptr;  // the same, if it is one
  Parameter<float> parameter_;
  /// lsq: Q_P by entry: 2^b - 1 for unsigned codes and 2^(b-1) - 1 for signed ones, as in the
  /// paper; if zero is elsewhere, the codes on its larger side.
  std::vector<double> positive_codes_;
  std::vector<Range> of_step_one_;  // lsq: by entry
  std::vector<float> lowest_, highest_;
};

}  // namespace quantdyn
