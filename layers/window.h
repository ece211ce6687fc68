// The sliding window of convolutions and pools: its options and its geometry.
#pragma once

#include <string>
#include <vector>

#include "framework/base/tensor.h"
#include "framework/config/options.h"
#include "framework/graph/convolution.h"

namespace quantdyn {

/// What YAML says of a window: `kernel`, `stride` and `padding`.
///
/// Padding `same` is TensorFlow's: the output has ceil(in / stride) pixels, and of the
/// max((ceil(in / stride) - 1) stride + kernel - in, 0) zeros the smaller half comes before.
/// `valid` has none; numbers (one, [h, w] or [top, bottom, left, right]) are taken as they are.
class Window {
 public:
  /// Reads the three keys; an empty `kernel` means that the key is required, an empty `stride` that
  /// the default is the kernel.
  Window(const Options& options, std::optional<std::vector<int64_t>> kernel,
         std::optional<std::vector<int64_t>> stride, const std::string& padding);

  /// Checks what was read (ConfigError); called after Options::finish().
  void check(const Options& options);

  /// The geometry over an input [h,w,c], with in_c = out_c = c and one group.
  /// Throws Error where the window is larger than the padded input.
  Convolution over(const Shape& input, std::string_view kind) const;

 private:
  enum class Padding { same, valid, numbers };

  std::vector<int64_t> kernel_, stride_;  // [h, w] once checked
  std::vector<std::string> padding_words_;
  Padding padding_ = Padding::numbers;
  std::vector<int64_t> pads_;  // [top, bottom, left, right]
};

}  // namespace quantdyn
