// The loss of a classifier: cross-entropy of the softmax of its logits.
#pragma once

#include <span>

#include "framework/base/tensor.h"

namespace quantdyn {

/// Loss and correct answers of one batch of logits.
struct ClassificationLoss {
  double mean_loss = 0;   ///< in nats, mean over the images
  int64_t correct = 0;    ///< number of images whose largest logit is that of their label
  double total_loss = 0;  ///< in nats, sum over the images
};

/// loss = -mean_n sum_k t_nk log softmax(logits_n)_k, logits [N,K], labels [N] in 0 ... K - 1,
/// t = (1 - smoothing) one-hot + smoothing / K (Szegedy et al. 2016, equation 11 ff.).
///
/// Writes (not adds) d loss / d logits to `gradient` [N,K] if it is not empty. Among equal largest
/// logits the first counts. A NaN logit makes the loss NaN and `correct` meaningless. By chunks, in
/// double: the same bits for any thread count. Throws Error for a label out of range, for shapes
/// that do not fit, and unless 0 <= smoothing < 1. Of a shared batch, loss and correct answers are
/// those of all its images. Of a micro batch, mean and gradient are divided by the images of the
/// step.
template <typename T>
ClassificationLoss softmax_cross_entropy(View<const T> logits, std::span<const int32_t> labels,
                                         double smoothing, View<T> gradient = {});

extern template ClassificationLoss softmax_cross_entropy(View<const float>,
                                                         std::span<const int32_t>, double,
                                                         View<float>);
extern template ClassificationLoss softmax_cross_entropy(View<const double>,
                                                         std::span<const int32_t>, double,
                                                         View<double>);

}  // namespace quantdyn
