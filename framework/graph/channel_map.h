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

  /// The map from channel `first` on.
  ChannelMap from(int64_t first) const { return {scale + first, shift + first, activation}; }
};

/// What a step does between two taps that it shows one right after the other, tile by tile.
struct TapMap {
  std::span<const float> scale;  ///< by channel; if negative, the map decreases
  /// Replaces values [rows, channels] with the step's results for them, equal to the last bit.
  std::function<void(float* values, int64_t rows)> apply;
};

}  // namespace quantdyn
