#include "data/sources/shapes.h"

#include <algorithm>
#include <cmath>

namespace quantdyn {
namespace {

float radius(float u, float v) { return std::sqrt(u * u + v * v); }
float box(float u, float v) { return std::max(std::fabs(u), std::fabs(v)); }

float disc(float u, float v) { return radius(u, v) - 0.85f; }
float ring(float u, float v) { return std::fabs(radius(u, v) - 0.7f) - 0.2f; }
float square(float u, float v) { return box(u, v) - 0.75f; }
float frame(float u, float v) { return std::fabs(box(u, v) - 0.62f) - 0.18f; }

float triangle(float u, float v) { return std::max(0.866f * std::fabs(u) + 0.5f * v, -v) - 0.5f; }

float cross(float u, float v) {
  const float upright = std::max(std::fabs(u) - 0.25f, std::fabs(v) - 0.95f);
  const float level = std::max(std::fabs(u) - 0.95f, std::fabs(v) - 0.25f);
  return std::min(upright, level);
}

/// Four points on curved sides (an astroid).
float star(float u, float v) {
  const float side = std::sqrt(std::fabs(u)) + std::sqrt(std::fabs(v));
  return 0.5f * (side * side - 1.25f);
}

float bars(float u, float v) {
  return std::max(std::fabs(std::fabs(v) - 0.5f) - 0.22f, std::fabs(u) - 0.85f);
}

float half_disc(float u, float v) { return std::max(radius(u, v + 0.4f) - 1.0f, -v - 0.4f); }
float crescent(float u, float v) {
  return std::max(radius(u, v) - 0.95f, 0.72f - radius(u - 0.4f, v));
}

}  // namespace

const std::array<Silhouette, silhouette_count> silhouettes{
    disc, ring, square, frame, triangle, cross, star, bars, half_disc, crescent};

}  // namespace quantdyn
