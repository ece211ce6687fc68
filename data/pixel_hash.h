// The SHA-256 of images that are seen as floats: equal to that of the same images in memory.
#pragma once

#include <cmath>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "framework/base/hash.h"

namespace quantdyn {

/// Whether a value is stored as a byte where all others are, too.
inline bool is_byte(float value) {
  return value >= 0 && value <= 255 && value == std::floor(value);
}

/// Hashes images one after another, as bytes if all of their values are whole numbers from 0 to 255
/// and as float otherwise; then the labels as int32 (little endian).
class PixelHash {
 public:
  void add(std::span<const float> pixels) {
    as_floats_.add(std::as_bytes(pixels));
    if (!as_bytes_) return;
    bytes_.clear();
    for (const float value : pixels) {
      if (!is_byte(value)) return as_bytes_.reset();
      bytes_.push_back(static_cast<uint8_t>(value));
    }
    as_bytes_->add(std::as_bytes(std::span(bytes_)));
  }
  /// Whether all values so far are whole numbers from 0 to 255.
  bool are_bytes() const { return as_bytes_.has_value(); }
  std::string finish(std::span<const int32_t> labels) {
    Sha256& hash = as_bytes_ ? *as_bytes_ : as_floats_;
    hash.add(std::as_bytes(labels));
    return hash.finish();
  }

 private:
  Sha256 as_floats_;
  std::optional<Sha256> as_bytes_{std::in_place};
  std::vector<uint8_t> bytes_;
};

}  // namespace quantdyn
