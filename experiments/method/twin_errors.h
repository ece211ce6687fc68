// Errors and distances of a quantized net beside its float twin, tensor by tensor.
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
///   local: the unit alone quantized, its inputs the float twin's,
///   propagated: everything before the unit quantized, the unit itself float,
///   added: accumulated - propagated;
/// and, where an output is quantized, what its quantizer does and which codes it gives.
class OutputErrors {
 public:
  /// Attaches observers to the taps of `quantized`, ahead of their transforms, for as long as this
  /// lives. Both evaluators keep all outputs.
  OutputErrors(Evaluator& quantized, const Network& float_network, Fusing fusing,
               const QuantizedTensors& tensors);
  ~OutputErrors();
  OutputErrors(const OutputErrors&) = delete;
  OutputErrors& operator=(const OutputErrors&) = delete;

  /// Runs a chunk x [8,...] through both nets and compares what they give.
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

/// The errors of every quantized weight beside the float twin's as `local_...`, what its quantizer
/// does and which codes it gives, as tensor "weight".
void save_weight_errors(const Network& quantized, const Network& float_network,
                        const QuantizedTensors& tensors, Frame& frame);

}  // namespace quantdyn
