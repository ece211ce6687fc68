#include "quant/ranges/logits_error.h"

#include <cmath>
#include <span>

#include "framework/base/log_softmax.h"

namespace quantdyn {

LogitsError::LogitsError(View<const float> logits)
    : classes_(logits.shape.channels()), shares_(static_cast<size_t>(logits.elements())) {
  for (int64_t n = 0; n < logits.shape.rows(); ++n)
    log_softmax(logits.slice(n, 1).values(), std::span(shares_).subspan(n * classes_, classes_));
  for (double& share : shares_) share = std::exp(share);
}

double LogitsError::operator()(View<const float> quantized) const {
  const int64_t images = quantized.shape.rows();
  std::vector<double> logarithms(static_cast<size_t>(classes_));
  double sum = 0;
  for (int64_t n = 0; n < images; ++n) {
    log_softmax(quantized.slice(n, 1).values(), std::span(logarithms));
    for (int64_t k = 0; k < classes_; ++k) sum -= shares_[n * classes_ + k] * logarithms[k];
  }
  return sum / static_cast<double>(images);
}

}  // namespace quantdyn
