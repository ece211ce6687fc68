// What an elementwise layer does to values, and which of these layers a fused kernel can end with.
#pragma once

#include <limits>
#include <optional>

namespace quantdyn {

/// The numbers from low to high, both included; no number if low > high.
struct Ends {
  float low, high;

  /// min(max(x, low), high); NaN stays NaN.
  constexpr float clip(float x) const {
    const float raised = x < low ? low : x;
    return raised > high ? high : raised;
  }
  friend constexpr bool operator==(const Ends&, const Ends&) = default;
};

/// Role of an elementwise layer: y = f(x), the same f for every value, NaN where x is NaN. Where f
/// differs by channel (ChannelEnds), what holds for every channel.
///
/// The defaults promise nothing; code that needs more of f refuses the layer.
struct Activation {
  static constexpr float infinity = std::numeric_limits<float>::infinity();

  Ends values{-infinity, infinity};    ///< f(x) is always in here
  Ends identity{infinity, -infinity};  ///< f(x) = x for every x in here
  bool is_monotone = false;            ///< f never decreases
  bool is_homogeneous = false;         ///< f(s x) = s f(x) for every s > 0

  /// Whether f(x) = min(max(x, values.low), values.high).
  constexpr bool is_clip() const { return is_monotone && values == identity; }
};

/// The role of y = min(max(x, low), high).
constexpr Activation clip_to(const Ends& ends) {
  const auto scales = [](float end) { return end == 0 || end + end == end; };  // 0 and infinity
  return {ends, ends, true, scales(ends.low) && scales(ends.high)};
}

/// The clips that fused kernels and statistics implement.
enum class FusedActivation { none, relu, relu6 };

constexpr Ends ends_of(FusedActivation activation) {
  constexpr float infinity = Activation::infinity;
  return {activation == FusedActivation::none ? -infinity : 0,
          activation == FusedActivation::relu6 ? 6 : infinity};
}

/// The clip that computes the same as a layer in this role; none if no clip does or without a role.
constexpr FusedActivation fused_activation(const std::optional<Activation>& role) {
  for (FusedActivation fused : {FusedActivation::relu, FusedActivation::relu6})
    if (role && role->is_clip() && role->values == ends_of(fused)) return fused;
  return FusedActivation::none;
}

}  // namespace quantdyn
