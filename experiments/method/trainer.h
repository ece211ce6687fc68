// Trains a net: loader, forward, loss, backward, optimizer, epoch by epoch.
#pragma once

#include <functional>
#include <memory>

#include "data/loader.h"
#include "framework/base/progress_sink.h"
#include "framework/learning/optimizer.h"
#include "framework/learning/schedule.h"
#include "framework/run/training_plan.h"
#include "layers/softmax_cross_entropy.h"
#include "quant/training/quantization_training.h"

namespace quantdyn {

/// The section `train` of an experiment.
struct TrainingSettings {
  int64_t epochs = 0;
  int64_t steps_per_epoch = 0;  ///< batches of the training set
  LoaderSettings loader;
  double label_smoothing = 0;
  std::unique_ptr<Optimizer> optimizer;
  std::unique_ptr<Schedule> schedule;  ///< made once the number of steps is known

  /// Reads the section; `train`, the training set, gives the steps of an epoch. Calls finish().
  static TrainingSettings read(const Options& section, const Dataset& train);
};

/// The result of one epoch.
struct EpochResult {
  int64_t epoch;         ///< from 1
  int64_t step;          ///< steps done so far
  double loss;           ///< mean over the epoch's batches, in nats
  double accuracy;       ///< on the training batches, during training
  double learning_rate;  ///< of the last step
  double seconds;
};

/// Called with the number of steps done so far; the parameters do not change meanwhile.
using StepCallback = std::function<void(int64_t step)>;

/// Saves or loads all parameters of a net, also its running statistics.
void visit_parameters(StateVisitor state, Network& network);

class Trainer {
 public:
  /// References must outlive the trainer. Batches are drawn from `rng`'s stream.
  Trainer(Network& network, const Dataset& train, const Standardization& standardization,
          TrainingSettings& settings, Fusing fusing, ConvolutionAlgorithm algorithm,
          const Rng& rng);

  /// From now on trains with these quantizers, which must outlive the trainer. ConfigError if the
  /// net cannot run with them.
  void quantize(QuantizationTraining& quantization);
  /// From now on their ranges, and folded statistics, stay as they are.
  void freeze();
  /// Trains one epoch, from 1. Throws Error with epoch, step and the first node at fault if the
  /// loss, or a value that a range is taken from, is not finite. `after_step`, which may be empty,
  /// is called after every step except the epoch's last. Its time does not count; it may read the
  /// net without changing a bit of the training.
  EpochResult run_epoch(int64_t epoch, WorkProgress& progress, const StepCallback& after_step = {});
  /// Images of the current epoch that are done: of one that was loaded in its middle.
  int64_t images_of_epoch() const { return done_.images; }

  /// Saves or loads what later steps depend on, except the net and the quantization, between steps.
  /// Loaded in the middle of an epoch, the next run_epoch() goes on with the rest of that epoch.
  void visit_state(StateVisitor state);

 private:
  /// Of a batch, over all ranks.
  struct BatchLoss {
    double mean_loss;
    int64_t correct, images;
  };

  int64_t images_at_once() const;
  BatchLoss add_gradients(int64_t epoch);
  BatchLoss add_micro_batches(const Batch& first, int64_t epoch);
  ClassificationLoss add_gradients_of(const Batch& batch, int64_t epoch);
  View<const float> forward(View<const float> x, int64_t epoch);
  /// Updates the parameters, and the ranges that follow them.
  void step(double learning_rate, int64_t epoch);
  /// Reports a quantizer whose weight, output or parameter gives no range.
  [[noreturn]] void report_no_range(const Error& error, int64_t epoch) const;
  [[noreturn]] void report_not_finite(double loss, int64_t epoch, int64_t step,
                                      View<const float> x);

  TrainingSettings& settings_;
  Network& network_;
  Fusing fusing_;
  ConvolutionAlgorithm algorithm_;
  Loader loader_;
  std::unique_ptr<TrainingPlan> plan_;
  std::vector<Parameter<float>*> parameters_;
  QuantizationTraining* quantization_ = nullptr;
  int64_t step_ = 0;  // finished steps
  /// The part of an epoch that is done.
  struct Progress {
    int64_t batches = 0, correct = 0, images = 0;
    double loss = 0;     // sum over the batches
    double seconds = 0;  // without what after_step took
  } done_;
};

}  // namespace quantdyn
