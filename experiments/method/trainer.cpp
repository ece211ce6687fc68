#include "experiments/method/trainer.h"

#include <cmath>
#include <optional>
#include <utility>

#include "framework/base/ranks.h"
#include "framework/base/step_sums.h"
#include "framework/base/stopwatch.h"

namespace quantdyn {
namespace {

int64_t batches_of(const LoaderSettings& loader, int64_t images) {
  const bool keeps_last = loader.last_batch == LoaderSettings::LastBatch::keep;
  return (images + (keeps_last ? loader.batch_size - 1 : 0)) / loader.batch_size;
}

}  // namespace

TrainingSettings TrainingSettings::read(const Options& section, const Dataset& train) {
  TrainingSettings out;
  out.epochs = section.integer("epochs", 10, accept::between<int64_t>(0, 1000000000),
                               "passes over the training set; 0: no training");
  out.loader = LoaderSettings::for_training(section);
  out.label_smoothing = section.number("label_smoothing", 0.0,
                                       Accepted<double>{.low = 0, .high = 1, .high_excluded = true},
                                       "of the softmax cross-entropy (Szegedy et al. 2016)");
  const Options optimizer = section.plugin("optimizer", "sgd", "how gradients move the parameters");
  std::optional<Options> schedule;
  if (out.epochs > 0 || section.has("schedule"))
    schedule = section.plugin("schedule", "cosine", "the learning rate at each step");
  section.finish();
  if (out.epochs > 0 && batches_of(out.loader, train.size()) == 0)
    section.refuse(
        "batch_size",
        fmt::format("the training set's {} images do not fill a batch of {}; accepted: a smaller "
                    "batch size, or last_batch: keep",
                    train.size(), out.loader.batch_size));
  try {
    check_shuffle(train, out.loader);
  } catch (const ConfigError& e) {
    section.refuse("shuffle", e.what());
  }
  out.optimizer = Registry<Optimizer>::instance().make(optimizer);
  out.steps_per_epoch = batches_of(out.loader, train.size());
  const TrainingLength length{std::max<int64_t>(1, out.steps_per_epoch), out.epochs};
  if (schedule) out.schedule = ScheduleRegistry::instance().make(*schedule, length);
  return out;
}

Trainer::Trainer(Network& network, const Dataset& train, const Standardization& standardization,
                 TrainingSettings& settings, Fusing fusing, ConvolutionAlgorithm algorithm,
                 const Rng& rng)
    : settings_(settings),
      network_(network),
      fusing_(fusing),
      algorithm_(algorithm),
      loader_(train, standardization, settings.loader, rng),
      plan_(std::make_unique<TrainingPlan>(network, fusing, algorithm, images_at_once())) {
  for (const Network::Named& named : network.parameters()) parameters_.push_back(named.parameter);
}

void Trainer::quantize(QuantizationTraining& quantization) {
  quantization_ = &quantization;
  plan_.reset();  // frees its memory first
  plan_ = std::make_unique<TrainingPlan>(network_, fusing_, algorithm_, images_at_once(),
                                         quantization.additions());
  for (Parameter<float>* parameter : quantization.parameters()) parameters_.push_back(parameter);
}

/// The most images of a batch, or micro batch, that this process has.
int64_t Trainer::images_at_once() const {
  const LoaderSettings& loader = settings_.loader;
  return share_of(loader.images_at_once(), loader.rank, loader.ranks).images;
}

void Trainer::freeze() {
  quantization_->freeze();
  plan_->freeze_folding();
}

EpochResult Trainer::run_epoch(int64_t epoch, WorkProgress& progress,
                               const StepCallback& after_step) {
  const Stopwatch watch;
  EpochResult out{
      .epoch = epoch, .step = 0, .loss = 0, .accuracy = 0, .learning_rate = 0, .seconds = 0};
  const double seconds_before = done_.seconds;
  double paused = 0;  // seconds
  loader_.start_epoch(epoch, done_.batches);
  while (done_.batches < loader_.batches()) {
    const BatchLoss loss = add_gradients(epoch);
    if (quantization_) quantization_->decay_clips();
    out.learning_rate = settings_.schedule->rate(step_);
    step(out.learning_rate, epoch);
    ++step_;
    ++done_.batches;
    done_.loss += loss.mean_loss;
    done_.correct += loss.correct;
    done_.images += loss.images;
    done_.seconds = seconds_before + watch.seconds() - paused;
    out.loss = done_.loss / static_cast<double>(done_.batches);
    out.accuracy = static_cast<double>(done_.correct) / static_cast<double>(done_.images);
    const int64_t per_epoch =
        done_.images + (loader_.batches() - done_.batches) * settings_.loader.batch_size;
    progress.update((epoch - 1) * per_epoch + done_.images,
                    fmt::format("epoch {}/{}  loss {:.4f}  accuracy {:.4f}", epoch,
                                settings_.epochs, out.loss, out.accuracy));
    if (after_step && done_.batches < loader_.batches()) {
      const Stopwatch pause;
      after_step(step_);
      paused += pause.seconds();
    }
  }
  out.step = step_;
  out.seconds = done_.seconds;
  done_ = {};
  return out;
}

/// Forward and backward over the next batch.
Trainer::BatchLoss Trainer::add_gradients(int64_t epoch) {
  const Batch& batch = loader_.next();
  clear_gradients(parameters_);
  if (!batch.ends_batch) return add_micro_batches(batch, epoch);
  const ClassificationLoss loss = add_gradients_of(batch, epoch);
  return {loss.mean_loss, loss.correct, batch.of_batch};
}

/// The same for a batch that comes in micro batches, from its first on.
Trainer::BatchLoss Trainer::add_micro_batches(const Batch& first, int64_t epoch) {
  const int64_t images = first.of_batch;
  std::vector<Tensor<float>*> gradients;
  std::vector<std::pair<Tensor<float>*, Tensor<float>>> running;
  for (Parameter<float>* parameter : parameters_)
    if (parameter->trained)
      gradients.push_back(&parameter->grad);
    else
      running.emplace_back(&parameter->master, parameter->master);
  StepSums sums(std::move(gradients), images);
  ChunkTree<double> losses;
  int64_t correct = 0, index = 0;
  const auto merge = [](double& left, double right) { left += right; };
  const Batch* batch = &first;
  try {
    for (;; batch = &loader_.next()) {
      const ClassificationLoss loss = add_gradients_of(*batch, epoch);
      losses.add(index++, loss.total_loss, merge);
      correct += loss.correct;
      sums.add_micro_batch();
      if (batch->ends_batch) break;
    }
  } catch (...) {  // a stop, or an image that cannot be read: as if the step had not begun
    for (auto& [master, before] : running) *master = std::move(before);
    throw;
  }
  sums.finish();
  return {losses.finish(merge) / static_cast<double>(images), correct, images};
}

ClassificationLoss Trainer::add_gradients_of(const Batch& batch, int64_t epoch) {
  SharedBatch shared(batch.share);
  const View<const float> x = batch.x.view().slice(0, batch.images);
  const View<const float> logits = forward(x, epoch);
  const ClassificationLoss loss = softmax_cross_entropy<float>(
      logits, batch.labels, settings_.label_smoothing, plan_->logits_gradient());
  if (!std::isfinite(loss.mean_loss)) report_not_finite(loss.mean_loss, epoch, step_, x);
  plan_->backward();
  shared.finish();
  return loss;
}

void visit_parameters(StateVisitor state, Network& network) {
  for (const Network::Named& named : network.parameters())
    state.visit(fmt::format("{}/{}", network.nodes()[named.node].name, named.parameter->name),
                named.parameter->master);
}

void Trainer::visit_state(StateVisitor state) {
  state.visit("step", step_);
  state.visit("epoch/batches", done_.batches);
  state.visit("epoch/correct", done_.correct);
  state.visit("epoch/images", done_.images);
  state.visit("epoch/loss", done_.loss);
  state.visit("epoch/seconds", done_.seconds);
  settings_.optimizer->visit_state(state.group("optimizer"), parameters_);
}

View<const float> Trainer::forward(View<const float> x, int64_t epoch) try {
  return plan_->forward(x);
} catch (const Error& e) {
  report_no_range(e, epoch);
}

void Trainer::step(double learning_rate, int64_t epoch) try {
  settings_.optimizer->step(parameters_, learning_rate);
  if (quantization_) quantization_->follow_parameters();
} catch (const Error& e) {
  report_no_range(e, epoch);
}

void Trainer::report_no_range(const Error& error, int64_t epoch) const {
  throw_error(
      "training stopped in epoch {}, step {}: {}; a smaller learning rate or a warm-up may help",
      epoch, step_, error.what());
}

void Trainer::report_not_finite(double loss, int64_t epoch, int64_t step, View<const float> x) {
  const std::string node = plan_->first_not_finite(x);
  throw_error(
      "training stopped: the loss is {} in epoch {}, step {}; first node whose values are not "
      "finite: {}; a smaller "
      "learning rate or a warm-up may help",
      loss, epoch, step, node.empty() ? "none (the loss itself overflowed)" : node);
}

}  // namespace quantdyn
