// How an experiment's nets are run: the section `compute`.
#pragma once

#include "experiments/method/quantized_twin.h"
#include "framework/config/options.h"

namespace quantdyn {

struct Computing {
  Fusing fusing;
  ConvolutionAlgorithm algorithm;  ///< of training; whatever is tracked or quantized is direct
  Simulation simulation;           ///< of quantized nets; float32 without fused kernels

  /// Reads and finishes the section.
  static Computing read(const Options& section);
};

}  // namespace quantdyn
