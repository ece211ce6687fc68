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

/// Some values of one tap, still in the cache: [rows, channels], channels innermost.
///
/// Rows are pixels of one chunk of images, in order. For one chunk and channel, tiles come in
/// ascending order of rows, all from one worker; every element is shown exactly once.
template <typename T>
struct TileOf {
  T* values;  ///< of row 0, channel 0
  int64_t rows;
  int64_t channels;
  int64_t row_stride;  ///< in floats
  int64_t first_row;   ///< within the chunk
  int64_t first_channel;
  int64_t chunk;  ///< index over all observed images, from 0
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
  /// Called when all tiles of this chunk have been added.
  virtual void end_chunk(int64_t chunk, int worker) = 0;
};

/// Reads a tap's float values together with those of a quantized run of the same images.
class PairObserver {
 public:
  virtual ~PairObserver() = default;
  /// Both tiles cover the same rows and channels.
  virtual void add(const Tile& reference, const Tile& tile) = 0;
  virtual void end_chunk(int64_t chunk, int worker) = 0;
};

/// Replaces values one by one, as a quantizer followed by its dequantizer does.
class Transform {
 public:
  virtual ~Transform() = default;
  /// Replaces a tile's values in place. The result may depend on a value's place (chunk, row,
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
/// Rows of a tile of about 16 KB, which every observer then reads from the cache. At least 64: an
/// observer's histogram of a channel is in the cache only while it works on that channel.
int64_t rows_per_tile(int64_t channels);
/// Shows a tensor [..., K] to an observer as tiles of one chunk, from one worker.
void observe_tensor(View<const float> values, Observer& observer, int64_t chunk = 0,
                    int worker = 0);

}  // namespace quantdyn
