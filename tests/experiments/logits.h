// A net's logits for images that are no dataset.
#pragma once

#include <algorithm>

#include "framework/base/threads.h"
#include "framework/run/evaluator.h"

namespace quantdyn::test {

/// x [N,H,W,C] -> [N,classes], for any N.
inline Tensor<float> logits_of(Evaluator& evaluator, View<const float> x) {
  const Network& network = evaluator.network();
  const int64_t images = x.shape[0], whole = chunk_count(images) * images_per_chunk;
  Tensor<float> filled(network.input_shape().batch_of(whole));
  std::ranges::copy(x.values(), filled.data());
  Tensor<float> logits(network.output_shape().batch_of(whole));
  evaluator.run(filled.view(), images, 0, logits.view());
  Tensor<float> out(network.output_shape().batch_of(images));
  std::copy_n(logits.data(), out.elements(), out.data());
  return out;
}

/// The same of a float net; direct convolutions in fused kernels.
inline Tensor<float> logits_of(const Network& network, View<const float> x) {
  Evaluator evaluator(network, Fusing::fused, ConvolutionAlgorithm::direct, Keep::logits);
  return logits_of(evaluator, x);
}

}  // namespace quantdyn::test
