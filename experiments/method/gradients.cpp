#include "experiments/method/gradients.h"

#include "data/loader.h"
#include "framework/base/threads.h"
#include "framework/run/training_plan.h"
#include "layers/softmax_cross_entropy.h"
#include "stats/tracking/tracker.h"

namespace quantdyn {
namespace {

constexpr int lowest_exponent = -48;  // gradients are small (stats/README.md, Bins)

}  // namespace

TensorTraits gradient_traits(int64_t channels, bool channel_histograms) {
  return {channels,
          {.lowest_exponent = lowest_exponent},
          "gradient_bin",
          channel_histograms,
          " of gradients"};
}

void track_gradients(const Network& network, const GradientProbe& probe,
                     const StatisticKinds& kinds, Frame& frame, RawTensors& raw) {
  Network copy = network.clone();
  const auto count = static_cast<int64_t>(probe.images.indices.size());
  const Batch batch =
      load_images(*probe.images.dataset, *probe.images.standardization, probe.images.indices);
  TrainingPlan plan(copy, Fusing::unfused, ConvolutionAlgorithm::direct, count);
  const View<const float> logits = plan.forward(batch.x.view());
  softmax_cross_entropy<float>(logits, batch.labels, probe.label_smoothing, plan.logits_gradient());
  const auto tracker_of = [&](const Shape& shape, int workers) {
    return Tracker(gradient_traits(shape.channels(), probe.channel_histograms), workers, kinds);
  };

  plan.backward([&](int index, View<const float> gradient) {
    const Node<float>& node = copy.nodes()[index];
    for (TapKind kind : node.taps) {
      const std::string tensor = to_string(kind) + "_gradient";
      Tracker tracker = tracker_of(gradient.shape, worker_count());
      do {
        parallel_chunks(count, [&](const Chunk& chunk) {
          observe_tensor(gradient.slice(chunk.first, chunk.images), tracker, chunk.index,
                         chunk.worker);
        });
      } while (tracker.another_pass());
      tracker.finish(frame, tensor, node.unit);
      raw.add(copy.units()[node.unit].name, tensor, gradient);
    }
  });

  for (size_t unit = 0; unit < copy.units().size(); ++unit) {
    const Layer<float>* const leader = std::as_const(copy).layer(copy.units()[unit].leader);
    if (leader == nullptr || leader->linear() == nullptr) continue;
    const Tensor<float>& gradient = leader->linear()->weight->grad;
    Tracker tracker = tracker_of(gradient.shape(), 1);
    do {
      observe_tensor(gradient.view(), tracker);
    } while (tracker.another_pass());
    tracker.finish(frame, "weight_gradient", static_cast<int64_t>(unit));
    raw.add(copy.units()[unit].name, "weight_gradient", gradient.view());
  }
}

}  // namespace quantdyn
