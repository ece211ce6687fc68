// What batch norm and activation do to each value, by channel.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "framework/graph/activation.h"

namespace quantdyn {

/// y = activation(scale x + shift), [channels] each.
struct ChannelMap {
  const float* scale;
  const float* shift;
  FusedActivation activation;

  /// The map of the channels from `first` on.
  ChannelMap from(int64_t first) const { return {scale + first, shift + first, activation}; }
};

/// What lies between two taps that a step shows one right after the other, tile by tile.
struct TapMap {
  std::span<const float> scale;  ///< by channel; values fall where it is negative
  /// Replaces values [rows, channels] by what the step makes of them, to the last bit.
  std::function<void(float* values, int64_t rows)> apply;
};

}  // namespace quantdyn
