// The order of weights in ONNX: output channels first, images channels first.
#pragma once

#include <span>
#include <vector>

#include "framework/base/tensor.h"
#include "framework/graph/convolution.h"

namespace quantdyn {

/// [kh,kw,in/groups,K] or depthwise [kh,kw,C] -> [K,in/groups,kh,kw].
template <typename T>
std::vector<T> convolution_for_onnx(const Convolution& g, std::span<const T> weight) {
  const int64_t taps = g.kernel_h * g.kernel_w, ins = g.in_c / g.groups;
  std::vector<T> out(weight.size());
  for (int64_t tap = 0; tap < taps; ++tap)
    for (int64_t in = 0; in < ins; ++in)
      for (int64_t k = 0; k < g.out_c; ++k)
        out[(k * ins + in) * taps + tap] = weight[(tap * ins + in) * g.out_c + k];
  return out;
}

/// [in,K] -> [K,in]. `image` [H,W,C]: the inputs are its values, which the file has as [C,H,W]; an
/// empty shape: they are in the same order in both.
template <typename T>
std::vector<T> dense_for_onnx(const Shape& image, int64_t units, std::span<const T> weight) {
  const int64_t ins = static_cast<int64_t>(weight.size()) / units;
  const int64_t channels = image.rank() == 0 ? ins : image.channels(), pixels = ins / channels;
  std::vector<T> out(weight.size());
  for (int64_t pixel = 0; pixel < pixels; ++pixel)
    for (int64_t c = 0; c < channels; ++c)
      for (int64_t k = 0; k < units; ++k)
        out[k * ins + c * pixels + pixel] = weight[(pixel * channels + c) * units + k];
  return out;
}

}  // namespace quantdyn
