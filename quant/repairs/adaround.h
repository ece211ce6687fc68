// AdaRound: whether each weight is rounded up or down is learned from the layer's output.
#pragma once

#include <map>
#include <string>

#include "framework/base/work_note.h"
#include "framework/h5/frame.h"
#include "framework/run/evaluator.h"
#include "framework/run/image_batches.h"
#include "quant/schemes/quantize.h"

namespace quantdyn {

/// Nagel et al. 2020 (arXiv 2004.10568), equations 21 to 25: layer by layer, in order,
///   minimize over V  mean |f(W x) - f(W~ x^)|^2 + regularization sum (1 - |2 h(V) - 1|^beta),
///   W~ = s clip(floor(W / s) + h(V)),  h(V) = clip(1.2 sigmoid(V) - 0.1, 0, 1),
/// x are the float net's values, x^ those of the net quantized so far, f the activation; the error
/// is summed over channels. The first share `warm_start` of the iterations omits the second term;
/// then beta falls from beta_start to beta_end by a cosine. At the end a weight is rounded up if
/// h(V) >= 1/2. A layer whose h(V) are all 0 or 1 for good ends early.
struct AdaRound {
  int64_t iterations, batch_size;
  double learning_rate, regularization, warm_start, beta_start, beta_end;

  /// Reads the section and calls finish().
  static AdaRound read(const Options& section);

  /// Rounds again those weights of `net`, which `quantized` runs, that are among `tensors`; their
  /// codes change. Writes layerwise/repairs/adaround_error_before and _after (the first term over
  /// the calibration images, rounded to nearest and as learned) and
  /// channelwise/repairs/rounded_otherwise (the share of weights not rounded to nearest).
  /// Both evaluators keep all outputs (Keep::all).
  /// Memory: what two LayerwiseRuns keep, and a layer's inputs and outputs for all images where
  /// they have no room.
  void apply(QuantizedTensors& tensors, Evaluator& reference, Network& net, Evaluator& quantized,
             const ImageBatches& images, const Rng& rng, Frame& report, const WorkNote& note) const;
};

}  // namespace quantdyn
