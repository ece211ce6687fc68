// Taps: the named places of a net where observers read values and transforms replace them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "framework/tensor.h"

namespace quantdyn {

/// What a tap holds. `conv`: a linear result before its batch norm; `norm`: the affine result
/// before the activation, folded or not; `output`: what the next node reads.
enum class TapKind { conv, norm, output };
inline constexpr int tap_kinds = 3;
std::string to_string(TapKind kind);

/// Some values of one tap that sit in the cache: [rows, channels], channels innermost.
///
/// Rows are pixels of one chunk of images, in order. For one chunk and channel, tiles come in
/// ascending rows, all from one worker; every element comes exactly once.
struct Tile {
  const float* values;  ///< of row 0, channel 0
  int64_t rows;
  int64_t channels;
  int64_t row_stride;  ///< in floats
  int64_t first_row;   ///< within the chunk
  int64_t first_channel;
  int64_t chunk;  ///< over all images that are observed, from 0
  int worker;
};

/// Reads the values of a tap.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void add(const Tile& tile) = 0;
  /// All tiles of this chunk have been added.
  virtual void end_chunk(int64_t chunk, int worker) = 0;
};

/// Reads a tap's float values beside those of a quantized run of the same images.
class PairObserver {
 public:
  virtual ~PairObserver() = default;
  /// Both tiles cover the same rows and channels.
  virtual void add(const Tile& reference, const Tile& tile) = 0;
  virtual void end_chunk(int64_t chunk, int worker) = 0;
};

/// Replaces values, one by one: a quantizer followed by its dequantizer.
class Transform {
 public:
  virtual ~Transform() = default;
  /// Replaces rows x channels values in place; channel 0 of `values` is channel `first_channel` of
  /// the tap.
  virtual void apply(float* values, int64_t rows, int64_t channels, int64_t row_stride,
                     int64_t first_channel) const = 0;
};

/// What is attached to one tap: observers before the transform, the transform, observers after it.
struct Tap {
  std::vector<Observer*> before;
  const Transform* transform = nullptr;
  std::vector<Observer*> after;

  bool empty() const { return before.empty() && transform == nullptr && after.empty(); }
};

}  // namespace quantdyn
