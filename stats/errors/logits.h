// What a net's logits say: accuracy and cross-entropy, and how far quantization moved them.
#pragma once

#include <cstdint>
#include <span>

#include "framework/base/tensor.h"
#include "framework/h5/frame.h"

namespace quantdyn {

/// Of one run. An image with a logit that is not finite counts as wrong, is counted in
/// `nonfinite_images`, and makes the cross-entropy NaN.
struct Classification {
  double accuracy = 0;  ///< share of images whose largest logit is the label's; ties: lowest index
  double cross_entropy = 0;  ///< mean -log p_label, nat
  uint64_t nonfinite_images = 0;
};

/// Of a quantized run beside its float twin; p and r are the softmax of the float and of the
/// quantized logits, by log-softmax in double (stats/README.md). `nonfinite_images` counts those
/// of either run: they do not agree, and with one of them the other figures are NaN or infinite.
struct LogitsComparison {
  Classification reference, quantized;
  double relative_accuracy_decrease =
      0;                    ///< (accuracy_float - accuracy_quantized) / accuracy_float
  double qmse = 0;          ///< of the logits
  double sqnr = 0;          ///< of the logits, dB
  double softmax_qmse = 0;  ///< mean (p - r)^2
  double qce = 0;           ///< -mean_n sum_k p_k log r_k, nat
  double kl = 0;            ///< mean_n sum_k p_k log(p_k / r_k), nat
  double agreement = 0;     ///< share of images with the same largest logit
  uint64_t nonfinite_images = 0;
};

/// logits [N,classes], labels [N], or none: then accuracy and cross-entropy are NaN. Sums by chunks
/// of 8 images: the same bits for any number of threads. Throws Error if N is 0, if the sizes do
/// not fit, or if a label is not from 0 to classes - 1.
Classification classify(View<const float> logits, std::span<const int32_t> labels);
LogitsComparison compare_logits(View<const float> reference, View<const float> quantized,
                                std::span<const int32_t> labels);

/// Write networkwise/{accuracy,cross_entropy,nonfinite_images}, and of a comparison those of the
/// quantized run with {relative_accuracy_decrease,logits_qmse,logits_sqnr,softmax_qmse,qce,
/// kl_divergence,agreement}; nonfinite_images is then of either run.
void save(const Classification& classification, Frame& frame);
void save(const LogitsComparison& comparison, Frame& frame);

}  // namespace quantdyn
