// What a step needs to sum products of codes instead of products of values.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "framework/graph/code_grid.h"

namespace quantdyn {

/// The codes of both factors of a linear layer.
struct ProductCodes {
  CodeGrid input;
  std::vector<int32_t> weight;         ///< in the weight's order, output channels innermost
  std::vector<CodeGrid> weight_grids;  ///< by output channel
};

/// Ability of a step with a linear layer: it can sum products of codes, which is exact.
///
/// sum s_x (x - z_x) s_w (w - z_w) = s_x s_w sum (x - z_x)(w - z_w) (Jacob et al. 2018, arXiv
/// 1712.05877, equation 4). The sum is a whole number, computed without rounding; the result is
/// rounded once, after scale and bias.
class CodeMultiplier {
 public:
  /// From now on evaluate() sums products of codes for every chunk whose inputs are all values of
  /// the grid, and products of values for others. Returns false, and changes nothing, if the step
  /// cannot: codes wider than 8 bits, sums that may leave int32, zero outside of padded codes, or
  /// groups of several channels. The weight's values must be those of its codes.
  virtual bool take_codes(const ProductCodes& codes) = 0;
  /// The grid of the input's codes; none before take_codes().
  virtual std::optional<CodeGrid> input_grid() const = 0;
  /// Prepares for EvaluationChunk::writes_codes with the codes of `output`. Returns false if the
  /// step cannot write them. One thread calls it.
  virtual bool prepare_output(const CodeTransform& output) = 0;
  /// Replaces `count` codes that evaluate() has written at `y` by their values, in place.
  virtual void codes_to_values(float* y, int64_t count) const = 0;

 protected:
  ~CodeMultiplier() = default;
};

}  // namespace quantdyn
