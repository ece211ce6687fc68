#include "experiments/run/run.h"

#include <cmath>
#include <optional>

#include "data/order.h"
#include "experiments/method/drift.h"
#include "experiments/method/float_snapshot.h"
#include "experiments/method/variant_snapshot.h"
#include "experiments/results/process_facts.h"
#include "experiments/results/result_writer.h"
#include "experiments/run/experiment.h"
#include "experiments/run/provenance.h"
#include "experiments/run/sweep.h"
#include "experiments/text/table.h"
#include "framework/base/gemm.h"
#include "framework/base/stopwatch.h"

namespace quantdyn {
namespace {

double network_value(const Snapshot& snapshot, const std::string& name) {
  const auto found = snapshot.frame.arrays().find("networkwise/" + name);
  return found == snapshot.frame.arrays().end()
             ? std::nan("")
             : std::get<std::vector<double>>(found->second.values)[0];
}

/// One run and what it works on.
class Run {
 public:
  Run(Experiment& experiment, ResultWriter& writer, ProgressSink& sink)
      : e_(experiment),
        writer_(writer),
        sink_(sink),
        probe_{e_.data->test.get(), &e_.standardization,
               first_of_shuffle(e_.rng("probe"), e_.data->test->size(), e_.track.probe_images)} {
    if (const auto& gradients = e_.track.gradients)
      gradients_.emplace(GradientProbe{
          {e_.data->train.get(), &e_.standardization,
           first_of_shuffle(e_.rng("gradients"), e_.data->train->size(), gradients->images)},
          e_.train.label_smoothing,
          gradients->channel_histograms});
  }

  void train() {
    if (!e_.has_weights()) e_.network->initialize(*e_.initializer, e_.rng("initialize"));
    if (e_.track.has_snapshot(0)) take_snapshot();
    if (e_.train.epochs == 0) return;
    Trainer trainer(*e_.network, *e_.data->train, e_.standardization, e_.train, e_.fusing,
                    e_.algorithm, e_.rng("train"));
    const auto progress = sink_.begin(e_.name, e_.train.epochs * e_.data->train->size(), "images");
    for (int64_t epoch = 1; epoch <= e_.train.epochs; ++epoch) {
      prepare_quantization(trainer, epoch);
      const EpochResult result =
          trainer.run_epoch(epoch, *progress, [&](int64_t step) { look_in(epoch - 1, step); });
      writer_.add_training_row({result.step, result.epoch, result.loss, result.accuracy,
                                result.learning_rate, result.seconds});
      epoch_ = result.epoch;
      step_ = result.step;
      const bool is_tracked = e_.track.has_snapshot(step_);
      if (is_tracked) take_snapshot();
      sink_.line(fmt::format(
          "{}: epoch {}/{}  loss {:.4f}  accuracy {:.4f}  learning rate {:.4g}  {:.1f} s{}",
          e_.name, epoch, e_.train.epochs, result.loss, result.accuracy, result.learning_rate,
          result.seconds,
          is_tracked ? fmt::format("  test accuracy {:.4f}", float_accuracy_) : ""));
      if (quantization_ && is_tracked && epoch < e_.train.epochs)
        quantize(*e_.quantization.variant);
    }
  }

  /// Quantizes the trained net for every variant; if one fails, the others go on.
  void quantize() {
    for (const Variant& variant : e_.variants) quantize(variant);
  }
  /// Why variants are missing in the result: "experiment: variant: why".
  const std::vector<std::string>& failures() const { return failures_; }

 private:
  /// A snapshot in the middle of an epoch, if the experiment asks for one.
  void look_in(int64_t finished_epochs, int64_t step) {
    if (!e_.track.has_snapshot(step)) return;
    epoch_ = finished_epochs;
    step_ = step;
    take_snapshot();
    sink_.line(fmt::format("{}: step {}  test accuracy {:.4f}", e_.name, step, float_accuracy_));
    if (quantization_) quantize(*e_.quantization.variant);
  }

  /// Starts and freezes training with quantization before the epochs that the settings name.
  void prepare_quantization(Trainer& trainer, int64_t epoch) {
    const QuantizationTrainingSettings& settings = e_.quantization;
    if (settings.variant == nullptr) return;
    if (epoch == settings.start_epoch + 1) {
      std::map<int, std::vector<Range>> ranges;
      Evaluator evaluator(*e_.network, e_.fusing, ConvolutionAlgorithm::direct, Keep::logits);
      const ImageSet images = calibration_images(*settings.variant);
      for (const auto& [unit, tensor] : calibrate(evaluator, *settings.variant, images))
        ranges[unit] = tensor.ranges;
      quantization_ = std::make_unique<QuantizationTraining>(*e_.network, settings, ranges);
      trainer.quantize(*quantization_);
    }
    if (epoch == settings.freeze_epoch + 1) trainer.freeze();
  }

  ImageSet calibration_images(const Variant& variant) const {
    return {e_.data->train.get(), &e_.standardization,
            chosen_images(variant.calibration, *e_.data->train, e_.rng("calibrate"))};
  }

  /// The net that a variant quantizes, and its float predictions for the test set.
  struct FloatTwin {
    FoldedNetwork network;
    Predictions predictions;
    int64_t step;
  };
  const FloatTwin& float_twin(bool is_folded) {
    std::optional<FloatTwin>& twin = is_folded ? folded_ : unfolded_;
    if (twin && twin->step == step_) return *twin;
    FoldedNetwork network = is_folded ? fold_network(*e_.network) : unfolded(*e_.network);
    Evaluator evaluator(network.network, e_.fusing, ConvolutionAlgorithm::direct, Keep::logits);
    Predictions predictions = predict(evaluator, *e_.data->test, e_.standardization);
    twin = FloatTwin{std::move(network), std::move(predictions), step_};
    return *twin;
  }

  void quantize(const Variant& variant) {
    const Stopwatch watch;
    std::unique_ptr<WorkProgress> progress;
    const auto note = [&](const std::string& what, int64_t done, int64_t total,
                          const std::string& units) {
      if (done == 0 || !progress) progress = sink_.begin(e_.name, total, units);
      progress->update(done, fmt::format("{}: {}", variant.name, what));
    };
    const auto test_images = [&](int64_t count) {
      return ImageSet{e_.data->test.get(), &e_.standardization,
                      first_of_shuffle(e_.rng("probe"), e_.data->test->size(), count)};
    };
    const FloatTwin& twin = float_twin(variant.fold);
    const bool is_trained = quantization_ && e_.quantization.variant == &variant;
    std::optional<Snapshot> snapshot;
    try {
      snapshot =
          variant_snapshot({.folded = twin.network,
                            .variant = variant,
                            .fusing = e_.fusing,
                            .calibration = calibration_images(variant),
                            .probe = probe_,
                            .sensitivity = test_images(variant.sensitivity_images),
                            .integer = test_images(variant.integer_images),
                            .test = *e_.data->test,
                            .reference = twin.predictions,
                            .kinds = e_.track.statistics,
                            .trained = is_trained ? quantization_->ranges() : TrainedRanges{},
                            .epoch = epoch_,
                            .step = step_,
                            .rng = e_.rng("variant").fork(variant.name),
                            .note = note,
                            .tensors = e_.track.tensors_of(step_),
                            .saves_weights = e_.track.saves_weights(step_)});
    } catch (const Error& e) {
      failures_.push_back(fmt::format("{}: {}: {}", e_.name, variant.name, e.what()));
      progress.reset();
      sink_.line(failures_.back());
      return;
    }
    progress.reset();
    if (is_trained) quantization_->save_code_changes(snapshot->frame);
    const std::string accuracy = number_text(network_value(*snapshot, "accuracy"), 4);
    const std::string note_of_bad = nonfinite_note(*snapshot) + useless_repairs_note(*snapshot);
    writer_.add_snapshot(*std::move(snapshot));
    sink_.line(fmt::format("{}: {}  accuracy {}  {:.1f} s{}", e_.name, variant.name, accuracy,
                           watch.seconds(), note_of_bad));
  }

  /// Images whose logits are NaN or infinite must not hide behind an accuracy.
  std::string nonfinite_note(const Snapshot& snapshot) const {
    const double images = network_value(snapshot, "nonfinite_images");
    return images > 0 ? fmt::format("  {} of {} test images have logits that are NaN or infinite",
                                    images, e_.data->test->size())
                      : "";
  }

  /// A repair that makes the net worse must not pass for one.
  static std::string useless_repairs_note(const Snapshot& snapshot) {
    const double before = network_value(snapshot, "repairs_sqnr_before");
    const double after = network_value(snapshot, "repairs_sqnr_after");
    return after < before ? fmt::format(
                                "  its repairs do not help: SQNR of the logits {:.1f} dB, "
                                "without them {:.1f} dB",
                                after, before)
                          : "";
  }

  void take_snapshot() {
    Snapshot snapshot = float_snapshot({.network = *e_.network,
                                        .fusing = e_.fusing,
                                        .probe = probe_,
                                        .test = *e_.data->test,
                                        .kinds = e_.track.statistics,
                                        .gradients = gradients_ ? &*gradients_ : nullptr,
                                        .tensors = e_.track.tensors_of(step_),
                                        .saves_weights = e_.track.saves_weights(step_),
                                        .epoch = epoch_,
                                        .step = step_});
    drift_.add(*e_.network, snapshot.frame);
    float_accuracy_ = network_value(snapshot, "accuracy");
    if (const std::string note = nonfinite_note(snapshot); !note.empty())
      sink_.line(fmt::format("{}: step {}{}", e_.name, step_, note));
    writer_.add_snapshot(std::move(snapshot));
  }

  Experiment& e_;
  ResultWriter& writer_;
  ProgressSink& sink_;
  ImageSet probe_;
  std::optional<GradientProbe> gradients_;
  Drift drift_;
  std::unique_ptr<QuantizationTraining> quantization_;  // from its first epoch on
  std::optional<FloatTwin> folded_, unfolded_;          // of the latest step that needed them
  int64_t epoch_ = 0, step_ = 0;
  double float_accuracy_ = 0;
  std::vector<std::string> failures_;
};

Experiment read(const RunRequest& request) try {
  Experiment out = Experiment::read(request.config, request.sets);
  if (!request.output.empty()) out.output = request.output;
  return out;
} catch (const ConfigError& e) {
  if (request.place.empty()) throw;
  std::string message = e.what();
  if (message.starts_with("--set ")) message.erase(0, 6);  // the entry's key, not an argument
  throw_error<ConfigError>("{}: {}", request.place, message);
}

RunReport run_one(const RunRequest& request, ProgressSink& sink) {
  const Stopwatch watch;
  start_gemm();
  Experiment experiment = read(request);
  ResultWriter writer(experiment.output, facts_of(experiment, request.command_line),
                      request.force ? Overwrite::replace : Overwrite::refuse);
  if (!writer.set_aside().empty())
    sink.line("snapshots of an interrupted run were moved to " + writer.set_aside().string());
  Run run(experiment, writer, sink);
  run.train();
  run.quantize();
  writer.add_provenance("seconds", watch.seconds());
  writer.add_provenance("peak_memory_mib", peak_memory_mib());
  if (!run.failures().empty())
    writer.add_provenance("failures", fmt::format("{}", fmt::join(run.failures(), "\n")));
  writer.finish();
  return {experiment.name, writer.result_path(), summary_of(writer.result_path()), run.failures()};
}

}  // namespace

std::vector<RunReport> run_experiment(const RunRequest& request, ProgressSink& progress) {
  const std::vector<RunRequest> runs = runs_of(request);
  if (runs.size() > 1)  // finds an error in the last one before the first one runs
    for (const RunRequest& run : runs) {
      const Experiment experiment = read(run);
      require_free(experiment.output, run.force ? Overwrite::replace : Overwrite::refuse);
    }
  std::vector<RunReport> out;
  for (const RunRequest& run : runs) out.push_back(run_one(run, progress));
  return out;
}

std::vector<RunPlan> validate_experiment(const RunRequest& request) {
  std::vector<RunPlan> out;
  for (const RunRequest& run : runs_of(request)) {
    const Experiment experiment = read(run);
    out.push_back({experiment.name, experiment.network->trained_count(),
                   experiment.data->train->size(), experiment.data->test->size(),
                   experiment.train.epochs, static_cast<int64_t>(experiment.variants.size())});
  }
  return out;
}

}  // namespace quantdyn
