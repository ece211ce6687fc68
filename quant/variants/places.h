// Where a net's activations can be quantized.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "framework/graph/network.h"

namespace quantdyn {

/// An output may be at several places (a block's output that feeds an add). block_output is the
/// output of every other layer that computes new values: convolutions, dense, multiply.
enum class Place { input, block_output, add_input, add_output, pool_output, logits };
inline constexpr int place_count = 6;

/// The places of a unit's output; none if it only passes on its input (flatten).
std::vector<Place> places_of(const Network& network, int unit);

/// The places where activations are quantized, one flag each.
class PlaceChoice {
 public:
  /// Reads the keys of `places`, true by default. Calls finish().
  static PlaceChoice read(const Options& places);
  static PlaceChoice all();
  bool empty() const;
  /// Whether the unit's output is at any of the chosen places.
  bool holds(const Network& network, int unit) const;

 private:
  std::array<bool, place_count> chosen_{};
};

}  // namespace quantdyn
