// What `quantdyn bench` repeats and takes the time of: steps of training, inference, tracking.
#pragma once

#include <string>
#include <vector>

#include "framework/graph/network.h"
#include "framework/run/step_profile.h"

namespace quantdyn {

/// A part of a step that is in no layer.
struct OutsideLayers {
  std::string name;
  double seconds;  ///< of all steps
};

struct BenchTiming {
  int64_t iterations = 0;
  double seconds = 0;
  std::vector<StepProfile> steps;  ///< by layer; empty if not asked for
  std::vector<OutsideLayers> outside;
};

/// Counts of `stats`, and its cost.
struct TrackingTiming {
  BenchTiming tracked;
  uint64_t counted = 0;
  int64_t expected = 0;
  double bare_seconds = 0;
  int64_t convolution_outputs = 0;  ///< of a batch
};

enum class ByLayer { no, yes };

Tensor<float> random_images(const Network& network, int64_t batch);

/// Each runs two steps that are not timed, then steps for at least `seconds`. x [N,...].
BenchTiming time_training(Network& network, View<const float> x, double seconds, ByLayer by_layer);
BenchTiming time_inference(const Network& network, View<const float> x, double seconds,
                           ByLayer by_layer);
/// The simulation of a variant with every default: 8 bits, min-max, per tensor, all places.
BenchTiming time_simulation(const Network& network, View<const float> x, double seconds,
                            ByLayer by_layer);
/// All taps tracked; alternates with the same forward pass without trackers.
TrackingTiming time_statistics(const Network& network, View<const float> x, double seconds);

/// Seconds that the loader takes for a batch with crops and mirrored images, alone.
double time_loader(View<const float> x, double seconds);

}  // namespace quantdyn
