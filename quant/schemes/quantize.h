// Applies a scheme: to a weight at once, to an activation after its calibration.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "framework/graph/layer.h"
#include "quant/ranges/entry_histograms.h"
#include "quant/schemes/scheme.h"
#include "quant/schemes/tensor_id.h"

namespace quantdyn {

/// A scheme fitted to one tensor: the transform for its tap, and what the file keeps.
struct QuantizedTensor {
  std::vector<Range> ranges;  ///< by entry
  std::unique_ptr<Quantization> quantization;
  Tensor<int32_t> codes;  ///< of a weight, in its shape; empty: an activation
};
/// All quantized tensors of a net.
using QuantizedTensors = std::map<TensorId, QuantizedTensor>;

/// Quantizes weight.master into weight.effective; `tensor` ("conv1/weight") is for errors. Empty
/// `ranges`: the scheme's estimator finds them. `least_scales`, `given`: as in FittingTask. Throws
/// Error if a value is NaN or infinite.
QuantizedTensor quantize_weight(const Scheme& scheme, const std::string& tensor,
                                Parameter<float>& weight, std::vector<Range> ranges = {},
                                std::vector<double> least_scales = {},
                                std::vector<AffineParameters> given = {});
/// Quantizes an activation with known ranges; `given` as in FittingTask.
QuantizedTensor quantize_output(const Scheme& scheme, const std::string& tensor, int64_t channels,
                                const std::vector<Range>& ranges,
                                std::vector<AffineParameters> given = {});
/// The ranges that the scheme's estimator finds for a whole weight.
std::vector<Range> estimated_ranges(const Scheme& scheme, const std::string& tensor,
                                    View<const float> weight);

/// Watches an activation for a scheme; attached to its tap during calibration.
class SchemeObserver final : public Observer {
 public:
  /// `tensor` ("conv1/output") is for errors; the scheme outlives this.
  SchemeObserver(const Scheme& scheme, std::string tensor, int64_t channels);

  void add(const Tile& tile) override;
  void end_chunk(int64_t chunk, int worker) override;
  /// True: it must see all images again (RangeObserver::wants_another_pass()).
  bool wants_another_pass();
  /// Fits the scheme. Throws Error if a value was NaN or infinite.
  QuantizedTensor quantize() const;

 private:
  const Scheme& scheme_;
  std::string tensor_;
  int64_t channels_;
  std::unique_ptr<RangeObserver> ranges_;
  std::unique_ptr<EntryHistograms> values_;        // if the quantizer needs values
  bool ranges_want_ = true, values_want_ = false;  // this pass
};

}  // namespace quantdyn
