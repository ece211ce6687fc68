// The logarithm of a softmax.
#pragma once

#include <algorithm>
#include <cmath>
#include <span>

namespace quantdyn {

/// out_k = (x_k - max) - log sum_j exp(x_j - max), in double; `out` has the length of `logits`, at
/// least 1. NaN where a logit is NaN or infinity.
template <typename T>
void log_softmax(std::span<const T> logits, std::span<double> out) {
  const auto largest = static_cast<double>(*std::ranges::max_element(logits));
  double sum = 0;
  for (size_t k = 0; k < out.size(); ++k) {
    out[k] = static_cast<double>(logits[k]) - largest;
    sum += std::exp(out[k]);
  }
  const double log_sum = std::log(sum);
  for (double& value : out) value -= log_sum;
}

}  // namespace quantdyn
