// Taps: the named places of a net where observers read values and transforms replace them.
#pragma once

#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

#include "framework/base/tensor.h"

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
template <typename T>
struct TileOf {
  T* values;  ///< of row 0, channel 0
  int64_t rows;
  int64_t channels;
  int64_t row_stride;  ///< in floats
  int64_t first_row;   ///< within the chunk
  int64_t first_channel;
  int64_t chunk;  ///< over all images that are observed, from 0
  int worker;

  operator TileOf<const T>() const requires(!std::is_const_v<T>) {
    return {values, rows, channels, row_stride, first_row, first_channel, chunk, worker};
  }
};
using Tile = TileOf<const float>;
using MutableTile = TileOf<float>;

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
  /// Replaces a tile's values in place. What a value becomes may depend on its place (chunk, row,
  /// channel), never on how the chunk was cut into tiles.
  virtual void apply(const MutableTile& tile) const = 0;
};

/// What is attached to one tap: observers before the transform, the transform, observers after it.
struct Tap {
  std::vector<Observer*> before;
  const Transform* transform = nullptr;
  std::vector<Observer*> after;

  bool empty() const { return before.empty() && transform == nullptr && after.empty(); }
};

/// A whole tensor [..., C] as one tile: a weight.
template <typename T>
TileOf<T> whole_tile(View<T> values) {
  const int64_t channels = values.shape.channels();
  return {values.data, values.shape.rows(), channels, channels, 0, 0, 0, 0};
}
/// Rows of a tile of about 16 KB, to be read from the cache by every observer; at least 64, as what
/// an observer keeps by channel, a histogram, is in the cache only while it works on the channel.
int64_t rows_per_tile(int64_t channels);
/// Shows a tensor [..., K] to an observer as tiles of one chunk, by one worker.
void observe_tensor(View<const float> values, Observer& observer, int64_t chunk = 0,
                    int worker = 0);

}  // namespace quantdyn
