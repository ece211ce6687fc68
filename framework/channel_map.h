// What batch norm and activation do to each value, by channel.
#pragma once

#include <cstdint>

namespace quantdyn {

/// Activations that a fused chain can end with. NaN passes through all of them.
enum class Activation { none, relu, relu6 };

/// y = activation(scale x + shift), [channels] each.
struct ChannelMap {
  const float* scale;
  const float* shift;
  Activation activation;

  /// The map of the channels from `first` on.
  ChannelMap from(int64_t first) const { return {scale + first, shift + first, activation}; }
};

}  // namespace quantdyn
