// What an elementwise layer does to values, and which of such layers fused kernels can end with.
#pragma once

#include <limits>
#include <optional>

namespace quantdyn {

/// The numbers from low to high, both included; none where low is over high.
struct Ends {
  float low, high;

  /// min(max(x, low), high); NaN passes.
  constexpr float clip(float x) const {
    const float raised = x < low ? low : x;
    return raised > high ? high : raised;
  }
  friend constexpr bool operator==(const Ends&, const Ends&) = default;
};

/// Role of an elementwise layer: y = f(x), the same f for every value, NaN where x is NaN.
///
/// As it stands here it promises nothing: whoever needs more of f refuses the layer.
struct Activation {
  static constexpr float infinity = std::numeric_limits<float>::infinity();

  Ends values{-infinity, infinity};    ///< every f(x) lies there
  Ends identity{infinity, -infinity};  ///< f(x) = x for every x there
  bool is_monotone = false;            ///< f never falls
  bool is_homogeneous = false;         ///< f(s x) = s f(x) for every s > 0

  /// Whether f(x) = min(max(x, values.low), values.high).
  constexpr bool is_clip() const { return is_monotone && values == identity; }
};

/// The role of y = min(max(x, low), high).
constexpr Activation clip_to(const Ends& ends) {
  const auto scales = [](float end) { return end == 0 || end + end == end; };  // 0 and infinity
  return {ends, ends, true, scales(ends.low) && scales(ends.high)};
}

/// The clips that fused kernels and statistics have ready.
enum class FusedActivation { none, relu, relu6 };

constexpr Ends ends_of(FusedActivation activation) {
  constexpr float infinity = Activation::infinity;
  return {activation == FusedActivation::none ? -infinity : 0,
          activation == FusedActivation::relu6 ? 6 : infinity};
}

/// The one that does what a layer in this role does; none where there is no such one, or no role.
constexpr FusedActivation fused_activation(const std::optional<Activation>& role) {
  for (FusedActivation fused : {FusedActivation::relu, FusedActivation::relu6})
    if (role && role->is_clip() && role->values == ends_of(fused)) return fused;
  return FusedActivation::none;
}

}  // namespace quantdyn
