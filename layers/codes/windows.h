// Depthwise sums of products of codes, 3 x 3, in int32: from bytes to bytes.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "framework/graph/code_grid.h"
#include "layers/codes/maps.h"

namespace quantdyn {

/// Outputs that lie `step` bytes apart in a padded image, whose rows and pixels are bytes.
struct CodeWindows {
  const uint8_t* x;    ///< the first tap of the first output
  int64_t row, pixel;  ///< bytes from a tap to the one below it, to the one beside it
  int64_t line, step;  ///< bytes from an output's first tap to that of the next line, the next one
  int64_t image;       ///< bytes from an image to the next
  int64_t images, lines, count;  ///< of outputs
};

/// The weight [3, 3, channels] of a depthwise layer, packed for windows_to_codes(). One channel is
/// one column of the map.
class PackedWindows {
 public:
  /// `input_zero` is the zero point of the input's bytes. `repeats` columns are repeated up to 64,
  /// so that one vector holds neighbouring pixels; 64 must be a multiple of their number.
  PackedWindows(std::span<const int32_t> weight, std::span<const CodeGrid> grids,
                int32_t input_zero, bool repeats);

  int64_t channels;
  int64_t padded_channels;          ///< to whole blocks of 64
  std::vector<int8_t> bytes;        ///< [block of 64][tap column][64 channels in order()][4 rows]
  std::vector<int32_t> of_row_sum;  ///< [padded_channels] times the window's sum; empty: zero
  std::vector<int32_t> constant;    ///< [padded_channels] added to each sum; both in order()

  /// The place of a channel of 64 in the kernel's vectors.
  static int64_t order(int64_t channel) {
    return channel % 16 / 4 * 16 + channel / 16 * 4 + channel % 4;
  }
};

/// Whether this machine can; otherwise windows_to_codes() must not be called.
bool has_code_windows();
/// to[(image * lines + line) * to_line + i * to_step + c] = the code of channel first + c, c <
/// channels <= 64, `first` a multiple of 64. 64 bytes are read from every tap on.
void windows_to_codes(const CodeWindows& windows, const PackedWindows& weight, const CodeMap& map,
                      int64_t first, int64_t channels, uint8_t* to, int64_t to_line,
                      int64_t to_step);

}  // namespace quantdyn
