// Errors and distances of a quantized net relative to its float twin, tensor by tensor.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "framework/h5/frame.h"
#include "framework/run/evaluator.h"
#include "quant/measure/code_statistics.h"
#include "quant/measure/quantizer_error.h"
#include "quant/schemes/quantize.h"
#include "stats/errors/error_statistics.h"

namespace quantdyn {

/// Compares all outputs of two nets that run the same chunks (stats/README.md, Twins):
///   accumulated: everything up to a unit quantized,
///   local: only the unit quantized, its inputs from the float twin,
///   propagated: everything before the unit quantized, the unit itself float,
///   added: accumulated - propagated;
/// and, if an output is quantized, its quantizer's errors and its codes.
class OutputErrors {
 public:
  /// Attaches observers to the taps of `quantized`, before their transforms, for as long as this
  /// lives. Both evaluators keep all outputs.
  OutputErrors(Evaluator& quantized, const Network& float_network, Fusing fusing,
               const QuantizedTensors& tensors);
  ~OutputErrors();
  OutputErrors(const OutputErrors&) = delete;
  OutputErrors& operator=(const OutputErrors&) = delete;

  /// Runs a chunk x [8,...] through both nets and compares their outputs.
  void run_chunk(View<const float> x, int64_t images, int64_t chunk, int worker);
  void save(Frame& frame);

 private:
  struct Of {
    std::unique_ptr<ErrorStatistics> accumulated, local, propagated;
    std::unique_ptr<QuantizerErrors> quantizer;  // null: not quantized
    std::unique_ptr<CodeStatistics> codes;       // null: not quantized, or too many
  };

  Evaluator& quantized_;
  Evaluator reference_, after_quantized_;  // the latter: a float unit on quantized inputs
  std::vector<Of> units_;
};

/// The errors of every quantized weight relative to the float twin's as `local_...`, its
/// quantizer's errors and its codes, as tensor "weight".
void save_weight_errors(const Network& quantized, const Network& float_network,
                        const QuantizedTensors& tensors, Frame& frame);

}  // namespace quantdyn
