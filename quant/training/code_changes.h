// How often the codes of a weight change from step to step of its training, and turn back.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "framework/base/state.h"
#include "framework/h5/frame.h"
#include "quant/quantizers/quantizer.h"

namespace quantdyn {

/// Follows the codes of one weight [..., channels], whatever happens to their scale.
///
/// It compares the integer that the scale multiplies, code - zero_point: a zero point that moves
/// with the range moves no weight. For schemes that are not affine it compares the code; for
/// floats, the rank of the number among all numbers. A change is an oscillation if its direction is
/// the opposite of the weight's last change, however long ago; the first change is none (Nagel et
/// al. 2022, arXiv 2203.08086). Keeps 5 bytes per weight; counts are exact.
class CodeChanges {
 public:
  /// `quantization`: the weight's scheme, fitted to any range.
  CodeChanges(const Quantization& quantization, int64_t rows, int64_t channels);

  /// The next step: `weight` is whole, `quantized` [rows, channels] is apply()'s result.
  void add(const Quantization& quantization, const Tile& weight, const float* quantized);
  /// Writes code_change_rate and oscillation_rate, the shares of weights times steps since the last
  /// call of start(); NaN if no two steps could be compared.
  void save(Frame& frame, const std::string& tensor, int64_t node) const;
  /// Counts from 0 again; keeps codes and directions.
  void start();
  void visit_state(StateVisitor state);

 private:
  /// What one worker needs for a tile, and what it counts.
  struct Worker {
    std::vector<int32_t> now;                              // codes of the tile
    std::vector<int32_t> tile_changes, tile_oscillations;  // by channel
    std::vector<uint64_t> changes, oscillations;           // of this step, by channel
  };

  void take_multiples(const float* quantized, int64_t rows, int32_t* now) const;
  void take_places(const Quantization& quantization, const Tile& weight, int64_t row, int64_t rows,
                   int32_t* now) const;
  void compare(int64_t first_row, int64_t rows, Worker& worker);

  int64_t rows_, channels_;
  int32_t first_code_;
  std::vector<int32_t> places_;    // by code - first_code_; empty: codes ascend with their levels
  std::vector<float> scales_;      // by channel, of this step; empty: not affine
  std::vector<int32_t> last_;      // [rows, channels]; empty before the first step
  std::vector<int8_t> direction_;  // likewise, of the last change: -1, 1; 0 before the first
  std::vector<uint64_t> changes_, oscillations_;  // by channel
  uint64_t steps_ = 0;                            // compared with the one before
};

}  // namespace quantdyn
