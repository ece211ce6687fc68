// The input and the output channel that an element of a weight connects.
#pragma once

#include "framework/graph/layer.h"

namespace quantdyn {

/// The axes of a linear layer's weight: [kh,kw,in/groups,K], depthwise [kh,kw,C] or dense [in,K].
///
/// A dense layer after a flatten has in_channels = pixels * channels; input_channel() counts the
/// channels of what was flattened.
class WeightAxes {
 public:
  /// `source_channels`: those of the image that the layer reads, flattened or not.
  WeightAxes(const Linear<float>& linear, int64_t source_channels)
      : out_(linear.out_channels),
        in_of_group_(linear.in_channels / linear.groups),
        out_of_group_(linear.out_channels / linear.groups),
        source_channels_(source_channels) {}

  int64_t source_channels() const { return source_channels_; }
  int64_t output_channel(int64_t element) const { return element % out_; }
  int64_t input_channel(int64_t element) const {
    const int64_t group = output_channel(element) / out_of_group_;
    return (group * in_of_group_ + element / out_ % in_of_group_) % source_channels_;
  }

 private:
  int64_t out_, in_of_group_, out_of_group_, source_channels_;
};

}  // namespace quantdyn
