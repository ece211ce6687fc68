// Where a net's activations can be quantized.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "framework/graph/network.h"

namespace quantdyn {

/// An output may be several (a block's output that feeds an add). block_output is that of every
/// layer which computes new values and is none of the others: convolutions, dense, multiply.
enum class Place { input, block_output, add_input, add_output, pool_output, logits };
inline constexpr int place_count = 6;

/// What a unit's output is; none where it only passes on what it reads (flatten).
std::vector<Place> places_of(const Network& network, int unit);

/// The places where activations are quantized, one flag each.
class PlaceChoice {
 public:
  /// Reads the keys of `places`: all true where they are absent. Calls finish().
  static PlaceChoice read(const Options& places);
  static PlaceChoice all();
  bool empty() const;
  /// Whether the unit's output is any of the places chosen.
  bool holds(const Network& network, int unit) const;

 private:
  std::array<bool, place_count> chosen_{};
};

}  // namespace quantdyn
