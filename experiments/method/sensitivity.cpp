#include "experiments/method/sensitivity.h"

#include <algorithm>

#include "experiments/method/tracking.h"
#include "framework/base/threads.h"
#include "stats/errors/logits.h"

namespace quantdyn {
namespace {

/// One tensor: the only one that is quantized, or the only one that is not.
struct Trial {
  TensorId id;
  bool is_only;
  Tensor<float> logits;  // [images, classes]
};

/// The nets that trials are assembled from; all keep every unit's output.
class Nets {
 public:
  Nets(QuantizedTwin& twin, Fusing fusing)
      : quantized(twin.evaluator()),
        reference(make(twin.float_network(), fusing)),
        float_after_(make(twin.float_network(), fusing)),
        quantized_after_(make(twin.network(), fusing)),
        quantized_weights_(make(twin.network(), fusing)) {
    for (int unit = 0; unit < static_cast<int>(twin.network().units().size()); ++unit)
      quantized_after_.tap(unit, TapKind::output).transform = transform_of(unit);
    for (Evaluator* net : {&quantized_after_, &quantized_weights_}) twin.give_codes(*net);
    quantized_after_.hand_on_codes();
  }

  void run_twins(View<const float> images, const Chunk& chunk, int64_t index) {
    reference.run_chunk(images, chunk.images, index, chunk.worker);
    quantized.run_chunk(images, chunk.images, index, chunk.worker);
  }
  /// Logits of the chunk that both twins have run: the trial's unit on the values that a twin has
  /// before it, then the twin's units after it.
  View<const float> run(const Trial& trial, const Chunk& chunk, int64_t index) {
    const bool is_weight = trial.id.role == TensorRole::weight;
    const Evaluator& twin = trial.is_only ? reference : quantized;
    Evaluator& after = trial.is_only ? float_after_ : quantized_after_;
    Evaluator& bare = trial.is_only == is_weight ? quantized_weights_ : float_after_;
    const View<float> output = after.output(trial.id.unit, chunk.worker);
    const View<const float> values =
        trial.id.unit == 0 ? std::as_const(reference).output(0, chunk.worker)
                           : bare.run_unit(trial.id.unit, twin, chunk.images, index, chunk.worker);
    if (values.data != output.data) std::ranges::copy(values.values(), output.data);
    const Transform* const transform = transform_of(trial.id.unit);
    if (trial.is_only != is_weight && transform) {
      const Shape one = output.shape.of_one();
      transform->apply({.values = output.data,
                        .rows = chunk.images * one.rows(),
                        .channels = one.channels(),
                        .row_stride = one.channels(),
                        .first_row = 0,
                        .first_channel = 0,
                        .chunk = index,
                        .worker = chunk.worker});
    }
    return after.run_after(trial.id.unit, twin, chunk.images, index, chunk.worker);
  }

  Evaluator& quantized;
  Evaluator reference;

 private:
  static Evaluator make(const Network& network, Fusing fusing) {
    return {network, fusing, ConvolutionAlgorithm::direct, Keep::all};
  }
  const Transform* transform_of(int unit) const {
    return quantized.tap(unit, TapKind::output).transform;
  }

  Evaluator float_after_, quantized_after_, quantized_weights_;  // the last without transforms
};

std::vector<Trial> all_trials(const QuantizedTwin& twin, int64_t images) {
  std::vector<Trial> out;
  for (const auto& [id, tensor] : twin.tensors())
    for (bool is_only : {true, false})
      out.push_back({id, is_only, Tensor<float>(twin.network().output_shape().batch_of(images))});
  return out;
}

void save(const Trial& trial, const LogitsComparison& comparison, Frame& frame) {
  const std::string which = trial.is_only ? "only" : "all_but";
  const std::string net = trial.is_only ? "the float net with this tensor quantized alone"
                                        : "the quantized net with this tensor float";
  const auto put = [&](const std::string& metric, const std::string& units,
                       const std::string& long_name, const std::string& formula, double value) {
    frame.layer(to_string(trial.id.role),
                {.name = "sensitivity_" + which + "_" + metric,
                 .units = units,
                 .long_name = long_name + " of " + net,
                 .formula = formula},
                trial.id.unit, value);
  };
  put("accuracy", "1", "accuracy", "", comparison.quantized.accuracy);
  put("logits_qmse", "1", "mean squared error of the logits", "mean (x - q)^2", comparison.qmse);
  put("kl_divergence", "nat", "Kullback-Leibler distance of the softmax",
      "mean_n sum_k p_k log(p_k / r_k)", comparison.kl);
}

}  // namespace

void save_sensitivity(QuantizedTwin& twin, const ImageSet& images, Fusing fusing, Frame& frame,
                      const WorkNote& note) {
  const auto total = static_cast<int64_t>(images.indices.size());
  Nets nets(twin, fusing);
  std::vector<Trial> trials = all_trials(twin, total);
  Tensor<float> wanted(twin.network().output_shape().batch_of(total)), quantized = wanted;
  const int last = static_cast<int>(twin.network().units().size()) - 1;
  for_image_batches(images, [&](View<const float> x, int64_t count, int64_t first_chunk) {
    note("sensitivity", first_chunk * images_per_chunk, total, "images");
    parallel_chunks(count, [&](const Chunk& chunk) {
      const int64_t index = first_chunk + chunk.index;
      const auto keep = [&](View<const float> logits, Tensor<float>& all) {
        std::copy_n(logits.data, chunk.images * logits.shape.channels(),
                    all.view().slice(index * images_per_chunk, chunk.images).data);
      };
      nets.run_twins(x.slice(chunk.first, images_per_chunk), chunk, index);
      keep(std::as_const(nets.reference).output(last, chunk.worker), wanted);
      keep(std::as_const(nets.quantized).output(last, chunk.worker), quantized);
      for (Trial& trial : trials) keep(nets.run(trial, chunk, index), trial.logits);
    });
  });
  const std::vector<int32_t> labels = labels_of(images);
  double sum = 0;  // of the errors of tensors quantized alone
  for (const Trial& trial : trials) {
    const LogitsComparison comparison = compare_logits(wanted.view(), trial.logits.view(), labels);
    save(trial, comparison, frame);
    if (trial.is_only) sum += comparison.qmse;
  }
  const double all = compare_logits(wanted.view(), quantized.view(), labels).qmse;
  frame.network(
      {.name = "sensitivity_all_logits_qmse",
       .units = "1",
       .long_name = "mean squared error of the logits, on the images of the sensitivity table",
       .formula = "mean (x - q)^2"},
      all);
  frame.network(
      {.name = "additivity_gap",
       .units = "1",
       .long_name =
           "what the errors of the logits with one tensor quantized alone sum to beyond that "
           "of the quantized net",
       .formula = "sum_t sensitivity_only_logits_qmse_t - sensitivity_all_logits_qmse"},
      sum - all);
}

}  // namespace quantdyn
