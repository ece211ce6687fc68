// One run of an experiment: trains, takes snapshots, quantizes; can be saved at any step.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "experiments/method/drift.h"
#include "experiments/results/result_writer.h"
#include "experiments/run/experiment.h"
#include "experiments/run/shared_variants.h"
#include "experiments/run/variant_maker.h"
#include "framework/base/progress_sink.h"
#include "framework/base/state.h"
#include "framework/base/stop_flag.h"
#include "framework/base/stopwatch.h"

namespace quantdyn {

class ExperimentRun {
 public:
  /// References must outlive the run. Continues from `state`, if there is one: the writer has
  /// loaded its part of it already.
  ExperimentRun(Experiment& experiment, ResultWriter& writer, ProgressSink& sink,
                const StopFlag& stop, std::optional<State> state);

  /// Throws Stopped if a stop was requested; then a checkpoint holds the last step.
  void train();
  /// Quantizes the trained net for every variant; if one fails, the others go on. Variants whose
  /// snapshots are finished already are taken over. Throws Stopped likewise.
  void quantize();

  /// Why variants are missing in the result: "experiment: variant: why".
  const std::vector<std::string>& failures() const { return failures_; }
  /// Of the whole run: up to the checkpoint that it continued from, and since.
  double seconds() const { return seconds_before_ + watch_.seconds(); }
  /// "epoch 3, step 120".
  std::string place() const { return fmt::format("epoch {}, step {}", epoch_, step_); }

 private:
  /// What is still to be done at this step.
  enum class Todo : int64_t { nothing, snapshot, quantization };
  void begin();
  void train_epochs();
  void prepare_quantization(int64_t epoch);
  void after_step(int64_t step);
  void after_epoch(const EpochResult& result);
  void catch_up(const std::string& epoch_line = "");

  void save_if_due();
  void save();
  void tell_of_checkpoints();
  void load();
  /// All but the writer's part.
  void visit_state(StateVisitor state);

  void take_snapshot();
  bool take_over(const Variant& variant);
  size_t take_over_variants();
  void quantize_in_training();
  void quantize(const Variant& variant);
  void add(const std::string& variant, VariantOutcome outcome);
  std::unique_ptr<BegunSnapshot> begin_snapshot();
  std::string nonfinite_note(const Snapshot& snapshot) const;

  Experiment& e_;
  ResultWriter& writer_;
  ProgressSink& sink_;
  const StopFlag& stop_;
  std::optional<State> state_;  // until it is loaded
  VariantMaker maker_;
  Drift drift_;
  std::unique_ptr<Trainer> trainer_;                    // while the net trains
  std::unique_ptr<QuantizationTraining> quantization_;  // from its first epoch on
  int64_t epoch_ = 0, step_ = 0;
  Todo todo_ = Todo::nothing;
  int64_t quantized_ = 0;  // of the variants in training, at this step
  double float_accuracy_ = 0;
  std::string checkpoint_problem_;  // that was told
  std::vector<std::string> failures_;
  Stopwatch watch_, since_checkpoint_;
  double seconds_before_ = 0;
};

}  // namespace quantdyn
