#include "quant/schemes/quantize.h"

#include <utility>

namespace quantdyn {

SchemeObserver::SchemeObserver(const Scheme& scheme, std::string tensor, int64_t channels)
    : scheme_(scheme),
      tensor_(std::move(tensor)),
      channels_(channels),
      ranges_(scheme.estimator->observe({tensor_, channels, scheme.quantizer.get()})) {
  values_want_ = scheme.quantizer->needs_values();
  if (values_want_)
    values_ = std::make_unique<EntryHistograms>(tensor_, channels, scheme.quantizer->granularity());
}

void SchemeObserver::add(const Tile& tile) {
  if (ranges_want_) ranges_->add(tile);
  if (values_want_) values_->add(tile);
}

void SchemeObserver::end_chunk(int64_t chunk, int worker) {
  if (ranges_want_) ranges_->end_chunk(chunk, worker);
}

bool SchemeObserver::wants_another_pass() {
  ranges_want_ = ranges_want_ && ranges_->wants_another_pass();
  values_want_ = values_want_ && values_->wants_another_pass();
  return ranges_want_ || values_want_;
}

QuantizedTensor SchemeObserver::quantize() const {
  FittingTask task{tensor_, channels_, ranges_->ranges(), {}};
  if (values_)
    for (const LogHistogram& histogram : values_->histograms())
      task.values.push_back(binned_distribution(histogram));
  return {task.ranges, scheme_.quantizer->fit(task), {}};
}

QuantizedTensor quantize_output(const Scheme& scheme, const std::string& tensor, int64_t channels,
                                const std::vector<Range>& ranges,
                                std::vector<AffineParameters> given) {
  return {ranges, scheme.quantizer->fit({tensor, channels, ranges, {}, {}, std::move(given)}), {}};
}

std::vector<Range> estimated_ranges(const Scheme& scheme, const std::string& tensor,
                                    View<const float> weight) {
  const auto observer = scheme.estimator->observe(
      {tensor, weight.shape.channels(), scheme.quantizer.get(), TensorKind::weight});
  do observe_tensor(weight, *observer);
  while (observer->wants_another_pass());
  return observer->ranges();
}

QuantizedTensor quantize_weight(const Scheme& scheme, const std::string& tensor,
                                Parameter<float>& weight, std::vector<Range> ranges,
                                std::vector<double> least_scales,
                                std::vector<AffineParameters> given) {
  const View<const float> values = std::as_const(weight.master).view();
  if (ranges.empty()) ranges = estimated_ranges(scheme, tensor, values);
  FittingTask task{tensor, values.shape.channels(), std::move(ranges),
                   {},     std::move(least_scales), std::move(given)};
  if (scheme.quantizer->needs_values())
    task.values = exact_distributions(values, scheme.quantizer->granularity());
  QuantizedTensor out{task.ranges, scheme.quantizer->fit(task), Tensor<int32_t>(values.shape)};
  out.quantization->codes(whole_tile(values), out.codes.data());
  weight.effective = weight.master;
  out.quantization->apply(whole_tile(weight.effective.view()));
  return out;
}

}  // namespace quantdyn
