#include "quant/quantize.h"

namespace quantdyn {

std::unique_ptr<RangeObserver> observe_activation(const Scheme& scheme, const std::string& tensor,
                                                  int64_t channels) {
  return scheme.estimator->observe(
      {.tensor = tensor, .channels = channels, .quantizer = scheme.quantizer.get()});
}

QuantizedTensor quantize_activation(const Scheme& scheme, const RangeObserver& observer) {
  QuantizedTensor out;
  out.ranges = observer.ranges();
  out.quantization = scheme.quantizer->fit(out.ranges);
  return out;
}

QuantizedTensor quantize_weight(const Scheme& scheme, const std::string& tensor,
                                Parameter<float>& weight) {
  const int64_t channels = weight.master.shape().channels();
  const int64_t rows = weight.master.elements() / channels;
  const auto observer = observe_activation(scheme, tensor, channels);
  observe_tensor(*observer, weight.master.values(), channels);
  QuantizedTensor out = quantize_activation(scheme, *observer);
  out.codes = Tensor<int32_t>(weight.master.shape());
  out.quantization->codes(weight.master.data(), rows, channels, channels, 0, out.codes.data());
  weight.effective = weight.master;
  out.quantization->apply(weight.effective.data(), rows, channels, channels, 0);
  return out;
}

}  // namespace quantdyn
