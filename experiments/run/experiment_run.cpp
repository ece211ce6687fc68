#include "experiments/run/experiment_run.h"

#include <cmath>

#include "experiments/method/calibration.h"
#include "experiments/run/shared_training.h"
#include "experiments/run/stoppable_dataset.h"
#include "experiments/text/table.h"
#include "framework/base/ranks.h"

namespace quantdyn {
namespace {

double network_value(const Snapshot& snapshot, const std::string& name) {
  const auto found = snapshot.frame.arrays().find("networkwise/" + name);
  return found == snapshot.frame.arrays().end()
             ? std::nan("")
             : std::get<std::vector<double>>(found->second.values)[0];
}

/// A repair that makes the net worse must not pass for one.
std::string useless_repairs_note(const Snapshot& snapshot) {
  const double before = network_value(snapshot, "repairs_sqnr_before");
  const double after = network_value(snapshot, "repairs_sqnr_after");
  return after < before ? fmt::format(
                              "  its repairs do not help: SQNR of the logits {:.1f} dB, "
                              "without them {:.1f} dB",
                              after, before)
                        : "";
}

}  // namespace

ExperimentRun::ExperimentRun(Experiment& experiment, ResultWriter& writer, ProgressSink& sink,
                             const StopFlag& stop, std::optional<State> state)
    : e_(stoppable(experiment, stop)),
      writer_(writer),
      sink_(sink),
      stop_(stop),
      state_(std::move(state)),
      maker_(e_) {}

void ExperimentRun::train() try {
  begin();
  if (trainer_) train_epochs();
  trainer_.reset();
} catch (const Stopped&) {
  if (trainer_) save();
  throw;
}

/// Everything before the first step that this process takes.
void ExperimentRun::begin() {
  if (!state_ && !e_.has_weights()) e_.network->initialize(*e_.initializer, e_.rng("initialize"));
  const bool trains = e_.train.epochs > 0;
  if (trains)
    trainer_ =
        std::make_unique<Trainer>(*e_.network, *e_.data->train, e_.standardization, e_.train,
                                  e_.computing.fusing, e_.computing.algorithm, e_.rng("train"));
  const bool is_resumed = state_.has_value();
  if (is_resumed)
    load();
  else if (e_.track.has_snapshot(0) &&
           // one that trains compares later snapshots with it
           (trains || !writer_.take_over({0, 0, 0, float_variant})))
    todo_ = Todo::snapshot;
  give_start({epoch_, step_}, todo_ == Todo::snapshot, *e_.network, trainer_.get());
  since_checkpoint_ = Stopwatch();
  if (is_resumed) return catch_up();
  if (todo_ == Todo::snapshot) {
    take_snapshot();
    todo_ = Todo::quantization;
    if (trains) quantize_in_training();
  }
  todo_ = Todo::nothing;
}

void ExperimentRun::train_epochs() {
  const int64_t per_epoch = e_.data->train->size();
  const auto progress = sink_.begin(e_.name, e_.train.epochs * per_epoch, "images",
                                    epoch_ * per_epoch + trainer_->images_of_epoch());
  for (int64_t epoch = epoch_ + 1; epoch <= e_.train.epochs; ++epoch) {
    prepare_quantization(epoch);
    after_epoch(trainer_->run_epoch(epoch, *progress, [&](int64_t step) { after_step(step); }));
  }
}

/// Starts and freezes training with quantization before the epochs that the settings name.
void ExperimentRun::prepare_quantization(int64_t epoch) {
  const QuantizationTrainingSettings& settings = e_.quantization;
  if (settings.variant == nullptr) return;
  if (epoch > settings.start_epoch && !quantization_) {
    std::map<int, std::vector<Range>> ranges;
    Evaluator evaluator(*e_.network, e_.computing.fusing, ConvolutionAlgorithm::direct,
                        Keep::logits);
    const ImageSet images = maker_.calibration_images(*settings.variant);
    for (const auto& [unit, tensor] : calibrate(evaluator, *settings.variant, images))
      ranges[unit] = tensor.ranges;
    quantization_ = std::make_unique<QuantizationTraining>(*e_.network, settings, ranges);
    trainer_->quantize(*quantization_);
  }
  if (epoch > settings.freeze_epoch) trainer_->freeze();
}

void ExperimentRun::after_step(int64_t step) {
  step_ = step;
  todo_ = e_.track.has_snapshot(step) ? Todo::snapshot : Todo::nothing;
  tell_of_checkpoints();
  stop_.check();
  catch_up();
  save_if_due();
}

void ExperimentRun::after_epoch(const EpochResult& result) {
  writer_.add_training_row({result.step, result.epoch, result.loss, result.accuracy,
                            result.learning_rate, result.seconds});
  epoch_ = result.epoch;
  step_ = result.step;
  todo_ = e_.track.has_snapshot(step_) ? Todo::snapshot : Todo::nothing;
  catch_up(fmt::format(
      "{}: epoch {}/{}  loss {:.4f}  accuracy {:.4f}  learning rate {:.4g}  {:.1f} s", e_.name,
      epoch_, e_.train.epochs, result.loss, result.accuracy, result.learning_rate, result.seconds));
  stop_.check();
  const int64_t every = e_.checkpoints.epochs;
  if (epoch_ == e_.train.epochs || (every > 0 && epoch_ % every == 0))
    save();
  else
    save_if_due();
}

/// Does what is still to be done at this step, and prints the epoch's line.
void ExperimentRun::catch_up(const std::string& epoch_line) {
  const bool is_tracked = todo_ == Todo::snapshot;
  if (is_tracked) {
    take_snapshot();
    todo_ = Todo::quantization;
  }
  if (is_tracked || !epoch_line.empty())
    sink_.line(fmt::format(
        "{}{}", epoch_line.empty() ? fmt::format("{}: step {}", e_.name, step_) : epoch_line,
        is_tracked ? fmt::format("  test accuracy {:.4f}", float_accuracy_) : ""));
  const bool is_end = epoch_ == e_.train.epochs;  // then every variant is quantized anyway
  if (todo_ == Todo::quantization && !is_end) quantize_in_training();
  todo_ = Todo::nothing;
}

/// What is still to be quantized at this step. Of training with quantization counters are read, so
/// that variant is never taken over from an earlier run.
void ExperimentRun::quantize_in_training() {
  const auto variants = e_.variants_in_training(quantization_ != nullptr);
  for (; quantized_ < std::ssize(variants); ++quantized_) {
    const Variant& variant = *variants[static_cast<size_t>(quantized_)];
    const bool is_trained = quantization_ && e_.quantization.variant == &variant;
    if (is_trained || !take_over(variant)) quantize(variant);
  }
  quantized_ = 0;
}

/// A checkpoint in the middle of an epoch, if the experiment asks for one now.
void ExperimentRun::save_if_due() {
  const CheckpointSettings& when = e_.checkpoints;
  if ((when.steps > 0 && step_ % when.steps == 0) ||
      (when.minutes > 0 && since_checkpoint_.seconds() >= 60 * when.minutes))
    save();
}

void ExperimentRun::save() {
  State state;
  visit_state(StateVisitor::saving(state).group("run"));
  StateVisitor result = StateVisitor::saving(state).group("result");
  writer_.visit_state(result);
  writer_.add_checkpoint(step_, std::move(state));
  since_checkpoint_ = Stopwatch();
}

/// A checkpoint that cannot be written does not end the run: the disk may have room again before
/// the next one, and the one before stands.
void ExperimentRun::tell_of_checkpoints() {
  const std::string problem = writer_.checkpoint_problem();
  if (problem.empty() != checkpoint_problem_.empty())
    sink_.line(problem.empty() ? e_.name + ": checkpoints are written again"
                               : fmt::format("{}: a checkpoint could not be written: {}; this run "
                                             "continues without it",
                                             e_.name, problem));
  checkpoint_problem_ = problem;
}

void ExperimentRun::load() {
  visit_state(StateVisitor::loading(*state_).group("run"));
  state_.reset();
  watch_ = Stopwatch();
}

void ExperimentRun::visit_state(StateVisitor state) {
  double seconds_so_far = seconds();
  state.visit("seconds", seconds_so_far);
  seconds_before_ = state.is_loading() ? seconds_so_far : seconds_before_;
  auto todo = static_cast<int64_t>(todo_);
  state.visit("epoch", epoch_);
  state.visit("step", step_);
  state.visit("todo", todo);
  todo_ = static_cast<Todo>(todo);
  state.visit("quantized", quantized_);
  state.visit("failures", failures_);
  visit_parameters(state.group("network"), *e_.network);
  drift_.visit_state(*e_.network, state.group("drift"));
  bool is_quantized = quantization_ != nullptr;
  state.visit("is_quantized", is_quantized);
  if (state.is_loading() && is_quantized) {
    quantization_ = QuantizationTraining::to_load(*e_.network, e_.quantization);
    trainer_->quantize(*quantization_);
  }
  trainer_->visit_state(state.group("trainer"));
  if (quantization_) quantization_->visit_state(state.group("quantization"));
}

void ExperimentRun::quantize() {
  const bool is_shared = are_snapshots_shared(e_, step_);
  size_t first = is_shared ? take_over_variants() : 0;
  if (is_shared) begin_variants(maker_, step_, first);
  for (size_t i = first; i < e_.variants.size(); ++i) {
    const Variant& variant = e_.variants[i];
    tell_of_checkpoints();
    stop_.check();
    if (is_shared && maker_of(i, first) > 0)
      add(variant.name, take_variant(e_, maker_of(i, first), [&] { stop_.check(); }));
    else if (is_shared || !take_over(variant))
      quantize(variant);
  }
  writer_.wait();
  tell_of_checkpoints();
}

/// Whether an earlier run has finished the variant's snapshot; then it is counted.
bool ExperimentRun::take_over(const Variant& variant) {
  if (!writer_.take_over({0, epoch_, step_, variant.name})) return false;
  sink_.line(
      fmt::format("{}: {}  was finished before the run was interrupted", e_.name, variant.name));
  return true;
}

/// How many variants are taken over: those up to the first that is not finished.
size_t ExperimentRun::take_over_variants() {
  size_t count = 0;
  while (count < e_.variants.size() && take_over(e_.variants[count])) ++count;
  return count;
}

/// Null if the next snapshot keeps no raw tensors.
std::unique_ptr<BegunSnapshot> ExperimentRun::begin_snapshot() {
  return e_.track.tensors_of(step_) ? writer_.begin_snapshot() : nullptr;
}

void ExperimentRun::quantize(const Variant& variant) {
  std::unique_ptr<WorkProgress> progress;
  int64_t last_done = 0;
  const auto note = [&](const std::string& what, int64_t done, int64_t total,
                        const std::string& units) {
    stop_.check();
    if (done < last_done || !progress) progress = sink_.begin(e_.name, total, units, 0);
    last_done = done;
    progress->update(done, fmt::format("{}: {}", variant.name, what));
  };
  const bool is_trained = quantization_ && e_.quantization.variant == &variant;
  VariantOutcome outcome = outcome_of([&] {
    Snapshot out =
        maker_.make(variant, {epoch_, step_},
                    is_trained ? quantization_->ranges() : TrainedRanges{}, begin_snapshot(), note);
    if (is_trained) quantization_->save_code_changes(out.frame);
    return out;
  });
  progress.reset();
  add(variant.name, std::move(outcome));
}

/// Lets the result have what came of a variant, and says so.
void ExperimentRun::add(const std::string& variant, VariantOutcome outcome) {
  if (!outcome.snapshot) {
    failures_.push_back(fmt::format("{}: {}: {}", e_.name, variant, outcome.failure));
    sink_.line(failures_.back());
    return;
  }
  const std::string accuracy = number_text(network_value(*outcome.snapshot, "accuracy"), 4);
  const std::string notes =
      nonfinite_note(*outcome.snapshot) + useless_repairs_note(*outcome.snapshot);
  writer_.add_snapshot(*std::move(outcome.snapshot));
  sink_.line(fmt::format("{}: {}  accuracy {}  {:.1f} s{}", e_.name, variant, accuracy,
                         outcome.seconds, notes));
}

/// Images whose logits are NaN or infinite must not hide behind an accuracy.
std::string ExperimentRun::nonfinite_note(const Snapshot& snapshot) const {
  const double images = network_value(snapshot, "nonfinite_images");
  return images > 0 ? fmt::format("  {} of {} test images have logits that are NaN or infinite",
                                  images, e_.data->test->size())
                    : "";
}

void ExperimentRun::take_snapshot() {
  std::string folding_error;
  Snapshot snapshot = maker_.make_float({epoch_, step_}, begin_snapshot(), folding_error);
  if (!folding_error.empty()) {
    failures_.push_back(fmt::format("{}: step {}: no statistics of folded weights: {}", e_.name,
                                    step_, folding_error));
    sink_.line(failures_.back());
  }
  drift_.add(*e_.network, snapshot.frame);
  float_accuracy_ = network_value(snapshot, "accuracy");
  if (const std::string note = nonfinite_note(snapshot); !note.empty())
    sink_.line(fmt::format("{}: step {}{}", e_.name, step_, note));
  writer_.add_snapshot(std::move(snapshot));
}

}  // namespace quantdyn
