// What the unit of a convolution is called in tables, results and overrides.
#pragma once

#include <algorithm>
#include <array>
#include <string_view>

namespace quantdyn {

/// The kinds of a convolution's unit: one group per channel; other groups; a 1 x 1 kernel without
/// groups; any other.
struct ConvolutionKinds {
  static constexpr const char* depthwise = "depthwise";
  static constexpr const char* grouped = "grouped";
  static constexpr const char* pointwise = "pointwise";
  static constexpr const char* regular = "conv2d";
  static constexpr std::array all{depthwise, grouped, pointwise, regular};
};

inline bool is_convolution_kind(std::string_view kind) {
  return std::ranges::find(ConvolutionKinds::all, kind) != ConvolutionKinds::all.end();
}

}  // namespace quantdyn
