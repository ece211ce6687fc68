// What batch norm and activation do to each value, by channel.
#pragma once

namespace quantdyn {

/// Activations that a fused chain can end with. NaN passes through all of them.
enum class Activation { none, relu, relu6 };

/// y = activation(scale x + shift), [channels] each.
struct ChannelMap {
  const float* scale;
  const float* shift;
  Activation activation;
};

}  // namespace quantdyn
