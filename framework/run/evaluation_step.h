// The contract of a step of evaluation: one primitive, or a chain of them in one fused kernel.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "framework/base/tensor.h"
#include "framework/graph/channel_map.h"
#include "framework/graph/tap.h"
#include "framework/run/product_codes.h"

namespace quantdyn {

/// The taps of one unit, by TapKind.
using UnitTaps = std::array<Tap, tap_kinds>;

/// Which chunk an evaluation step works on, and in which worker.
struct EvaluationChunk {
  int64_t index;   ///< of the chunk, over all observed images
  int64_t images;  ///< number of real images; the rest of the eight are zeros that no tap sees
  int worker;
  bool observed;   ///< false: transforms act, but observers see nothing
  float* scratch;  ///< EvaluationStep::scratch_floats() floats, this worker's own
  /// The input's codes less the grid's lowest one, instead of its values; null: values. Only for a
  /// CodeMultiplier that has taken codes.
  const uint8_t* x_codes = nullptr;
  /// The output becomes codes less the lowest one, as bytes at y's place (prepare_output()); no tap
  /// is visited.
  bool writes_codes = false;
  /// Set if values that should have codes have none; y is undefined then.
  bool* is_off_grid = nullptr;
};

/// Ability of a step that keeps data derived from parameters.
class ParameterReader {
 public:
  /// Reads the parameters before evaluate(). One thread calls it whenever they may have changed.
  virtual void prepare() = 0;

 protected:
  ~ParameterReader() = default;
};

/// Evaluates one or more nodes of the graph: the last one's result is the step's.
class EvaluationStep {
 public:
  explicit EvaluationStep(std::vector<int> nodes) : nodes_(std::move(nodes)) {}
  virtual ~EvaluationStep() = default;
  EvaluationStep(const EvaluationStep&) = delete;
  EvaluationStep& operator=(const EvaluationStep&) = delete;

  const std::vector<int>& nodes() const { return nodes_; }
  /// Evaluates eight images, x [8,...] -> y [8,...], and visits the taps with the real ones.
  /// Thread-safe for different workers.
  virtual void evaluate(std::span<const View<const float>> x, View<float> y, const UnitTaps& taps,
                        const EvaluationChunk& chunk) const = 0;
  virtual int64_t scratch_floats() const { return 0; }

  /// Null if the step reads parameters as it evaluates, or has none.
  virtual ParameterReader* parameter_reader() { return nullptr; }
  /// Null if the step has no products, or only those of values.
  virtual CodeMultiplier* code_multiplier() { return nullptr; }
  /// Multiply-accumulates that evaluate() computes, as a share of the layer's.
  virtual double computed_share() const { return 1; }
  /// How evaluate() computes the values of tap norm from those of tap conv, if it shows both tile
  /// by tile. Borrowed from the step; as of the last prepare().
  virtual std::optional<TapMap> norm_of_conv() const { return {}; }

 private:
  std::vector<int> nodes_;
};

/// Shows rows of a chunk to a tap's observers and transform, tile by tile; `values` is [rows,
/// channels].
void visit(const Tap& tap, float* values, int64_t rows, int64_t channels, int64_t first_row,
           const EvaluationChunk& chunk);

}  // namespace quantdyn
