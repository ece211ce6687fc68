// Fits the weight of one layer to wanted outputs, over images that stay in memory.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "framework/graph/network.h"

namespace quantdyn {

/// Inputs x [N,...] of a layer and the outputs [N,...] that are wanted; both outlive the fit.
struct FitImages {
  View<const float> x, wanted;

  int64_t count() const { return x.shape[0]; }
};

/// Compares a layer's outputs y with the wanted ones, and gives the gradient of its weight, block
/// by block, to whoever moves it. The same bits for any number of threads.
class WeightFit {
 public:
  virtual ~WeightFit() = default;

  /// Reads the gradient of rows [first, first + rows) of the weight, [rows, K], and may change
  /// these rows of the weight's effective value. Several workers call it at the same time, once for
  /// every row.
  using RowsWork = std::function<void(int64_t first, int64_t rows, const float* gradient)>;

  /// mean (y - wanted)^2 over all images with the weight as it is now: sums over pixels by channel,
  /// then over channels, then over images.
  virtual double error() = 0;
  /// Gives `update` the gradient of sum over channels (y - wanted)^2, the mean over pixels and
  /// these images (at most `batch`, some perhaps more than once), in a training forward. From one
  /// step to the next only `update` changes the weight.
  virtual void step(std::span<const int64_t> images, const RowsWork& update) = 0;
};

/// The fit of the leading layer of `layer`, a net of one unit (BasicNetwork::alone()), with its
/// activation; in fused kernels if there are any for it. The net outlives the fit.
std::unique_ptr<WeightFit> make_weight_fit(Network& layer, const FitImages& images, int64_t batch);
/// The same as a training plan: any layer, slower.
std::unique_ptr<WeightFit> make_plan_fit(Network& layer, const FitImages& images, int64_t batch);

/// Makers of fits in fused kernels (layers/fused); they return null for nets that they cannot run.
using WeightFitMaker = std::unique_ptr<WeightFit> (*)(Network& layer, const FitImages& images,
                                                      int64_t batch);
std::vector<WeightFitMaker>& fused_weight_fits();

}  // namespace quantdyn
