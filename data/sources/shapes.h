// The ten silhouettes that are the classes of the synthetic dataset.
#pragma once

#include <array>

namespace quantdyn {

/// How far (u, v) is outside the silhouette: negative inside, about the distance to its edge, with
/// the shape's radius as the unit. Only + - * and sqrt, so that every machine computes the same
/// bits.
using Silhouette = float (*)(float u, float v);

inline constexpr int silhouette_count = 10;

/// Disc, ring, square, frame, triangle, cross, star, bars, half disc, crescent: the classes 0 to 9.
extern const std::array<Silhouette, silhouette_count> silhouettes;

}  // namespace quantdyn
