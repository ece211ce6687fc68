// The sliding window of convolutions and pools: its options and its geometry.
#pragma once

#include <string>
#include <vector>

#include "framework/base/tensor.h"
#include "framework/config/options.h"
#include "framework/graph/convolution.h"

namespace quantdyn {

/// A window's keys in YAML: `kernel`, `stride` and `padding`.
///
/// Padding `same` is TensorFlow's: the output has ceil(in / stride) pixels, and of the
/// max((ceil(in / stride) - 1) stride + kernel - in, 0) zeros the smaller half goes before.
/// `valid` has none; numbers (one, [h, w] or [top, bottom, left, right]) are used as they are.
class Window {
 public:
  /// Reads the three keys. An empty `kernel` makes the key required; an empty `stride` makes the
  /// kernel its default.
  Window(const Options& options, std::optional<std::vector<int64_t>> kernel,
         std::optional<std::vector<int64_t>> stride, const std::string& padding);

  /// Checks what was read (ConfigError); called after Options::finish().
  void check(const Options& options);

  /// The geometry over an input [h,w,c], with in_c = out_c = c and one group.
  /// Throws Error if the window is larger than the padded input.
  Convolution over(const Shape& input, std::string_view kind) const;

 private:
  enum class Padding { same, valid, numbers };

  std::vector<int64_t> kernel_, stride_;  // [h, w] once checked
  std::vector<std::string> padding_words_;
  Padding padding_ = Padding::numbers;
  std::vector<int64_t> pads_;  // [top, bottom, left, right]
};

}  // namespace quantdyn
