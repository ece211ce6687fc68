#include "quant/ranges/range_error.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace quantdyn {

RangeError::RangeError(const Quantizer& quantizer, const std::string& tensor,
                       const Distribution& values, double p)
    : quantizer_(quantizer),
      // Kernels run over channels; but a fit to values costs more, so that there is one entry.
      channels_(quantizer.needs_values() ? 1 : lanes),
      task_{tensor, channels_, {}, {}},
      p_(p),
      values_(values.values),
      counts_(values.counts.begin(), values.counts.end()) {
  const double size = std::max<double>(std::abs(values_.front()), std::abs(values_.back()));
  unit_ = size > 0 ? 1 / size : 1;
  const size_t padded = (values_.size() + lanes - 1) / lanes * lanes;
  values_.resize(padded);
  counts_.resize(padded);
  quantized_.resize(padded);
  const auto entries = static_cast<size_t>(quantizer.granularity().entries(channels_));
  task_.ranges.resize(entries);
  if (quantizer.needs_values()) task_.values.assign(entries, values);
}

double RangeError::operator()(const Range& range) {
  std::ranges::fill(task_.ranges, range);
  quantized_ = values_;
  const auto rows = static_cast<int64_t>(values_.size()) / channels_;
  quantizer_.fit(task_)->apply({.values = quantized_.data(),
                                .rows = rows,
                                .channels = channels_,
                                .row_stride = channels_,
                                .first_row = 0,
                                .first_channel = 0,
                                .chunk = 0,
                                .worker = 0});
  // Lane by lane, so that lanes are summed by vectors.
  Lanes sums{};
  for (size_t i = 0; i < values_.size(); i += lanes) {
    Lanes errors;
    for (size_t lane = 0; lane < lanes; ++lane)
      errors[lane] =
          std::abs(static_cast<double>(values_[i + lane]) - quantized_[i + lane]) * unit_;
    raise(errors);
    for (size_t lane = 0; lane < lanes; ++lane) sums[lane] += counts_[i + lane] * errors[lane];
  }
  return std::accumulate(sums.begin(), sums.end(), 0.0);
}

void RangeError::raise(Lanes& errors) const {
  if (2 * p_ != std::floor(2 * p_)) {
    for (double& error : errors) error = std::pow(error, p_);
    return;
  }
  const Lanes once = errors;
  const auto whole = static_cast<int>(p_);
  for (size_t lane = 0; lane < lanes; ++lane) errors[lane] = p_ > whole ? std::sqrt(once[lane]) : 1;
  for (int i = 0; i < whole; ++i)
    for (size_t lane = 0; lane < lanes; ++lane) errors[lane] *= once[lane];
}

}  // namespace quantdyn
