// How much quantizing the logits changes a net's answers.
#pragma once

#include <vector>

#include "framework/base/tensor.h"

namespace quantdyn {

/// -1/N sum_n sum_k p_nk log r_nk for logits [N,classes] and other logits in their place; p and r
/// are their softmax, by log-softmax in double (nat).
class LogitsError {
 public:
  explicit LogitsError(View<const float> logits);
  double operator()(View<const float> quantized) const;

 private:
  int64_t classes_;
  std::vector<double> shares_;  // p
};

}  // namespace quantdyn
