#include "experiments/method/float_snapshot.h"

#include <cmath>
#include <limits>

#include "experiments/method/scales.h"
#include "experiments/method/tracking.h"
#include "framework/base/ranks.h"
#include "stats/errors/logits.h"
#include "stats/scales/precision.h"

namespace quantdyn {
namespace {

constexpr int reference_bits = 8;  // effective bits of float values refer to an 8-bit grid

void save_precision(const Network& network, const std::string& tensor, Frame& frame) {
  if (!frame.arrays().contains("channelwise/" + tensor + "/min")) return;
  for (size_t unit = 0; unit < network.units().size(); ++unit) {
    const Layer<float>* const leader = network.layer(network.units()[unit].leader);
    const bool has_weight = leader && leader->linear();
    if (has_weight || tensor == "output")
      save_channel_precision(frame, tensor, static_cast<int64_t>(unit), asymmetric_width,
                             reference_bits);
  }
}

}  // namespace

std::vector<SavedParameter> saved_parameters(const Network& network) {
  std::vector<SavedParameter> out;
  for (const Network::ConstNamed& named : network.parameters()) {
    const Tensor<float>& master = named.parameter->master;
    if (!master.empty())
      out.push_back({network.nodes()[named.node].name,
                     named.parameter->name,
                     master.shape(),
                     {master.values().begin(), master.values().end()}});
  }
  return out;
}

double save_network_precision(const Network& network, const std::string& tensor, Frame& frame) {
  const auto found = frame.arrays().find("layerwise/" + tensor + "/average_channel_precision");
  if (found == frame.arrays().end()) return std::numeric_limits<double>::quiet_NaN();
  double sum = 0;
  int64_t count = 0;
  for (size_t unit = 0; unit < network.units().size(); ++unit) {
    const Layer<float>* const leader = network.layer(network.units()[unit].leader);
    const double value = std::get<std::vector<double>>(found->second.values)[unit];
    if (leader == nullptr || leader->convolution() == nullptr || leader->linear() == nullptr ||
        std::isnan(value))
      continue;
    sum += value;
    ++count;
  }
  const double mean = sum / static_cast<double>(count);
  frame.network(
      {.name = "average_channel_precision",
       .units = "1",
       .long_name = "average channel precision of the folded weights",
       .formula = "mean over convolutions of layerwise/folded_weight/average_channel_precision"},
      mean);
  return mean;
}

Snapshot float_snapshot(const FloatTask& task) {
  const Network& network = task.network;
  const ImageSet& probe = task.probe;
  Frame frame = make_frame(network);
  track_weights(network, task.kinds, frame, "weight");
  try {
    track_weights(fold_network(network).network, task.kinds, frame, "folded_weight");
  } catch (const Error& e) {
    task.folding_error = e.what();
  }
  Evaluator evaluator(network, task.fusing, ConvolutionAlgorithm::direct, Keep::logits);
  {
    RawTensors raw(task.tensors, evaluator);
    TapTrackers trackers(evaluator, task.kinds, task.over_ranks);
    const ImageSet own = task.over_ranks ? images_of_rank(probe) : probe;
    const int64_t before =
        task.over_ranks ? first_image_of(std::ssize(probe.indices), ranks().rank()) : 0;
    for_image_batches(own, [&](View<const float> x, int64_t images, int64_t first_chunk) {
      evaluator.run(x, images, before / images_per_chunk + first_chunk, {});
    });
    trackers.finish(own, frame);
    if (task.gradients)
      track_gradients(network, *task.gradients, task.kinds, frame, raw, task.over_ranks);
  }
  for (const char* tensor : {"weight", "folded_weight", "output"})
    save_precision(network, tensor, frame);
  save_network_precision(network, "folded_weight", frame);
  save_float_scales(network, frame);
  task.predictions = (task.over_ranks ? predict_over_ranks : predict)(evaluator, task.test,
                                                                      *probe.standardization);
  save(classify(task.predictions.logits.view(), task.predictions.labels), frame);
  return {.epoch = task.epoch,
          .step = task.step,
          .variant = float_variant,
          .frame = std::move(frame),
          .weights = task.saves_weights ? saved_parameters(network) : std::vector<SavedParameter>{},
          .quantization = {}};
}

}  // namespace quantdyn
