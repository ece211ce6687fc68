// Images in batches, for code that must not know where images come from.
#pragma once

#include <functional>

#include "framework/run/evaluator.h"

namespace quantdyn {

/// A fixed set of images that can be shown as often as needed.
struct ImageBatches {
  /// A batch x [N,...], N a multiple of 8, of which `images` are real; only the last batch has
  /// fewer than N. `first_chunk` counts chunks of eight through the set.
  using Work = std::function<void(View<const float> x, int64_t images, int64_t first_chunk)>;

  int64_t images;
  std::function<void(const Work& work)> each;

  /// Runs a net, whose taps have observers, on all images.
  void run(Evaluator& net) const {
    each([&](View<const float> x, int64_t count, int64_t first_chunk) {
      net.run(x, count, first_chunk, {});
    });
  }
};

}  // namespace quantdyn
