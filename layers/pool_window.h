// The window of max_pool and average_pool, which must cover an image pixel at every position.
#pragma once

#include "framework/base/error.h"
#include "layers/window.h"

namespace quantdyn {

/// Reads `kernel` (2), `stride` (the kernel) and `padding` (valid).
inline Window read_pool_window(const Options& options) {
  return {options, std::vector<int64_t>{2}, std::nullopt, "valid"};
}

/// The geometry; throws Error if a window could cover only padding.
inline Convolution pool_over(const Window& window, const Shape& input, std::string_view kind) {
  const Convolution g = window.over(input, kind);
  const bool fits = g.pad_top < g.kernel_h && g.pad_bottom < g.kernel_h &&
                    g.pad_left < g.kernel_w && g.pad_right < g.kernel_w;
  if (!fits)
    throw_error(
        "{}: found padding [{}, {}, {}, {}] with kernel [{}, {}]; accepted: padding below the "
        "kernel's size",
        kind, g.pad_top, g.pad_bottom, g.pad_left, g.pad_right, g.kernel_h, g.kernel_w);
  return g;
}

}  // namespace quantdyn
