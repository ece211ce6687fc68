#include "experiments/run/variant_maker.h"

#include "data/order.h"
#include "experiments/method/calibration.h"
#include "experiments/method/float_snapshot.h"
#include "experiments/run/stoppable_dataset.h"
#include "framework/base/ranks.h"

namespace quantdyn {

VariantMaker::VariantMaker(Experiment& experiment) : e_(experiment) {
  probe_ = test_images(e_.track.probe_images);
  if (const auto& gradients = e_.track.gradients)
    gradients_.emplace(GradientProbe{
        {e_.data->train.get(), &e_.standardization,
         first_of_shuffle(e_.rng("gradients"), e_.data->train->size(), gradients->images)},
        e_.train.label_smoothing,
        gradients->channel_histograms});
}

ImageSet VariantMaker::test_images(int64_t count) const {
  return {e_.data->test.get(), &e_.standardization,
          first_of_shuffle(e_.rng("probe"), e_.data->test->size(), count)};
}

ImageSet VariantMaker::calibration_images(const Variant& variant) const {
  return {e_.data->train.get(), &e_.standardization,
          chosen_images(variant.calibration, *e_.data->train, e_.rng("calibrate"))};
}

const Predictions& VariantMaker::reference(int64_t step, decltype(predict)* run) {
  if (!reference_ || reference_->step != step) {
    Evaluator evaluator(*e_.network, e_.computing.fusing, ConvolutionAlgorithm::direct,
                        Keep::logits);
    reference_ = {run(evaluator, *e_.data->test, e_.standardization), step};
  }
  return reference_->predictions;
}

Snapshot VariantMaker::make_float(const Place& place, std::unique_ptr<BegunSnapshot> begun,
                                  std::string& folding_error) {
  Predictions predictions;
  Snapshot out = float_snapshot({.network = *e_.network,
                                 .fusing = e_.computing.fusing,
                                 .probe = probe_,
                                 .test = *e_.data->test,
                                 .kinds = e_.track.statistics,
                                 .gradients = gradients_ ? &*gradients_ : nullptr,
                                 .tensors = {e_.track.tensors_of(place.step), begun.get()},
                                 .saves_weights = e_.track.saves_weights(place.step),
                                 .over_ranks = are_snapshots_shared(e_, place.step),
                                 .epoch = place.epoch,
                                 .step = place.step,
                                 .folding_error = folding_error,
                                 .predictions = predictions});
  reference_ = {std::move(predictions), place.step};
  out.begun = std::move(begun);
  return out;
}

VariantMaker::FloatTwin& VariantMaker::float_twin(bool is_folded, int64_t step) {
  std::optional<FloatTwin>& twin = is_folded ? folded_ : unfolded_;
  if (!twin || twin->step != step)
    twin = FloatTwin{is_folded ? fold_network(*e_.network) : unfolded(*e_.network), step,
                     KnownRanges()};
  return *twin;
}

Snapshot VariantMaker::make(const Variant& variant, const Place& place,
                            const TrainedRanges& trained, std::unique_ptr<BegunSnapshot> begun,
                            const WorkNote& note) {
  FloatTwin& twin = float_twin(variant.fold, place.step);
  Snapshot out = variant_snapshot({.folded = twin.network,
                                   .variant = variant,
                                   .fusing = e_.computing.fusing,
                                   .simulation = e_.computing.simulation,
                                   .calibration = calibration_images(variant),
                                   .probe = probe_,
                                   .sensitivity = test_images(variant.sensitivity_images),
                                   .integer = test_images(variant.integer_images),
                                   .test = *e_.data->test,
                                   .reference = reference(place.step),
                                   .known = twin.known,
                                   .kinds = e_.track.statistics,
                                   .trained = trained,
                                   .epoch = place.epoch,
                                   .step = place.step,
                                   .rng = e_.rng("variant").fork(variant.name),
                                   .note = note,
                                   .tensors = {e_.track.tensors_of(place.step), begun.get()},
                                   .saves_weights = e_.track.saves_weights(place.step)});
  out.begun = std::move(begun);
  return out;
}

bool are_snapshots_shared(const Experiment& experiment, int64_t step) {
  return !is_alone() && experiment.track.tensors_of(step) == nullptr;
}

Experiment& stoppable(Experiment& experiment, const StopFlag& stop) {
  DatasetPair& data = *experiment.data;
  data.train = stoppable(std::move(data.train), stop);
  data.test = stoppable(std::move(data.test), stop);
  return experiment;
}

}  // namespace quantdyn
