// What batch norm and activation do to each value, by channel.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

namespace quantdyn {

/// Activations that a fused chain can end with. NaN passes through all of them.
enum class Activation { none, relu, relu6 };

/// What an activation makes of one value.
inline float apply(Activation activation, float x) {
  if (activation != Activation::none && x < 0) return 0;
  return activation == Activation::relu6 && x > 6 ? 6 : x;
}

/// y = activation(scale x + shift), [channels] each.
struct ChannelMap {
  const float* scale;
  const float* shift;
  Activation activation;

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
