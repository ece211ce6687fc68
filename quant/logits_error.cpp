#include "quant/logits_error.h"

#include <algorithm>
#include <cmath>
#include <span>

namespace quantdyn {
namespace {

double log_sum(std::span<const float> logits) {
  const double largest = *std::ranges::max_element(logits);
  double sum = 0;
  for (float logit : logits) sum += std::exp(logit - largest);
  return largest + std::log(sum);
}

}  // namespace

LogitsError::LogitsError(View<const float> logits) : classes_(logits.shape.channels()) {
  for (int64_t n = 0; n < logits.shape.rows(); ++n) {
    const std::span<const float> image(logits.data + n * classes_, static_cast<size_t>(classes_));
    const double log = log_sum(image);
    for (float logit : image) shares_.push_back(std::exp(logit - log));
  }
}

double LogitsError::operator()(View<const float> quantized) const {
  const int64_t images = quantized.shape.rows();
  double sum = 0;
  for (int64_t n = 0; n < images; ++n) {
    const std::span<const float> image(quantized.data + n * classes_,
                                       static_cast<size_t>(classes_));
    const double log = log_sum(image);
    for (int64_t k = 0; k < classes_; ++k) sum -= shares_[n * classes_ + k] * (image[k] - log);
  }
  return sum / static_cast<double>(images);
}

}  // namespace quantdyn
