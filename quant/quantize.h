// Applying a scheme: to a weight at once, to an activation after its calibration.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "framework/layer.h"
#include "quant/variant.h"

namespace quantdyn {

/// A scheme fitted to one tensor: the transform for its tap, and what the file keeps of it.
struct QuantizedTensor {
  std::vector<Range> ranges;  ///< one, or one for each channel
  std::unique_ptr<Quantization> quantization;
  Tensor<int32_t> codes;  ///< of a weight, in its shape; empty for an activation
};

/// Quantizes weight.master into weight.effective; `tensor` ("conv1/weight") is for errors.
/// Throws Error where a value is NaN or infinite.
QuantizedTensor quantize_weight(const Scheme& scheme, const std::string& tensor,
                                Parameter<float>& weight);

/// Attach this to the tap while calibrating; `tensor` ("conv1/output") is for errors. The scheme
/// outlives it.
std::unique_ptr<RangeObserver> observe_activation(const Scheme& scheme, const std::string& tensor,
                                                  int64_t channels);

/// Fits the scheme to what the observer saw. Throws Error where a value was NaN or infinite.
QuantizedTensor quantize_activation(const Scheme& scheme, const RangeObserver& observer);

}  // namespace quantdyn
