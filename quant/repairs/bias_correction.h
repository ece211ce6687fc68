// Bias correction: the mean that quantized weights shift a layer's output by is taken off its bias.
#pragma once

#include <vector>

#include "framework/h5/frame.h"
#include "quant/repairs/calibration_run.h"
#include "quant/repairs/channel_moments.h"

namespace quantdyn {

/// Nagel et al. 2019 (arXiv 1906.04721), section 4.2.
///
/// empirical (appendix D): layer by layer, all before it quantized and corrected,
///   b -= E[y_q] - E[y] over the calibration images, y the layer's result before its activation.
/// analytic (equations 17 to 20): b -= sum (w_q - w) E[x], E[x] from the norms folded before; of
/// the net's input, whose norm is no one's, the calibration images' mean.
struct BiasCorrection {
  enum class Method { empirical, analytic };
  Method method;

  /// Reads the section and calls finish(). ConfigError: analytic, and a layer reads something of
  /// which nothing is known.
  static BiasCorrection read(const Options& section, const Network& network);
  /// Corrects the biases of the units in `corrected` in `net`, which `quantized` runs, from the
  /// float net that `reference` runs. Writes channelwise/repairs/bias_correction, what was added.
  void apply(const std::vector<int>& corrected, const FoldedNetwork& float_net,
             Evaluator& reference, Network& net, Evaluator& quantized, const CalibrationRun& run,
             Frame& report) const;
};

}  // namespace quantdyn
