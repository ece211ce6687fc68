// Bias correction: subtracts the mean output shift that quantized weights cause from the bias.
#pragma once

#include <vector>

#include "framework/h5/frame.h"
#include "framework/run/image_batches.h"
#include "quant/repairs/channel_moments.h"

namespace quantdyn {

/// Nagel et al. 2019 (arXiv 1906.04721), section 4.2.
///
/// empirical (appendix D): layer by layer, all earlier ones quantized and corrected,
///   b -= E[y_q] - E[y] over the calibration images, y the layer's result before its activation.
/// analytic (equations 17 to 20): b -= sum (w_q - w) E[x]; E[x] comes from the norms folded
/// earlier, and for the net's input, which has no norm, from the calibration images.
struct BiasCorrection {
  enum class Method { empirical, analytic };
  Method method;

  /// Reads the section and calls finish(). ConfigError: analytic, and the distribution of a layer's
  /// input is not known.
  static BiasCorrection read(const Options& section, const Network& network);
  /// Corrects the biases of the units `corrected` of `net`, which `quantized` runs; `reference`
  /// runs the float net. `quantized` keeps all outputs (Keep::all). The empirical method costs
  /// three evaluations of the images (LayerwiseRun). Writes channelwise/repairs/bias_correction,
  /// the value added.
  void apply(const std::vector<int>& corrected, const FoldedNetwork& float_net,
             Evaluator& reference, Network& net, Evaluator& quantized, const ImageBatches& images,
             Frame& report) const;
};

}  // namespace quantdyn
