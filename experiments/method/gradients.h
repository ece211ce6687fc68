// Gradients of weights and activations for a fixed training batch.
#pragma once

#include "experiments/method/calibration.h"
#include "experiments/method/raw_tensors.h"
#include "framework/h5/frame.h"
#include "stats/tracking/statistic.h"

namespace quantdyn {

/// The batch, and which of its gradients are written.
struct GradientProbe {
  ImageSet images;  ///< one batch
  double label_smoothing;
  bool channel_histograms;
};

/// The traits of a gradient tensor: bins from 2^-48, on the axis `gradient_bin`.
TensorTraits gradient_traits(int64_t channels, bool channel_histograms);

/// Statistics of the gradients of the mean loss over the batch, batch norms in training mode, as
/// tensors `conv_gradient`, `norm_gradient`, `output_gradient` (of the taps' values) and
/// `weight_gradient` (of the master, before weight decay); the images have none. Runs a copy of the
/// net, primitive by primitive: `network` and its running statistics do not change. The bits are
/// the same for any number of threads. `over_ranks`: all ranks call it together and share the
/// batch, if it has a part for each; every one gets all statistics, and `raw` must want nothing.
void track_gradients(const Network& network, const GradientProbe& probe,
                     const StatisticKinds& kinds, Frame& frame, RawTensors& raw, bool over_ranks);

}  // namespace quantdyn
