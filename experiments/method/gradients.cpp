#include "experiments/method/gradients.h"

#include <optional>

#include "data/loader.h"
#include "framework/base/ranks.h"
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
                     const StatisticKinds& kinds, Frame& frame, RawTensors& raw, bool over_ranks) {
  Network copy = network.clone();
  BatchShare own{0, std::ssize(probe.images.indices), std::ssize(probe.images.indices)};
  const bool is_shared = over_ranks && share_count(own.of) >= ranks().count();
  std::optional<SharedBatch> shared;
  if (is_shared) shared.emplace(own = share_of(own.of, ranks().rank(), ranks().count()));
  const Batch batch =
      load_images(*probe.images.dataset, *probe.images.standardization,
                  std::span(probe.images.indices)
                      .subspan(static_cast<size_t>(own.first), static_cast<size_t>(own.images)));
  TrainingPlan plan(copy, Fusing::unfused, ConvolutionAlgorithm::direct, own.images);
  const View<const float> logits = plan.forward(batch.x.view());
  softmax_cross_entropy<float>(logits, batch.labels, probe.label_smoothing, plan.logits_gradient());
  const auto traits_of = [&](const Shape& shape) {
    return gradient_traits(shape.channels(), probe.channel_histograms);
  };

  plan.backward([&](int index, View<const float> gradient) {
    const Node<float>& node = copy.nodes()[index];
    for (TapKind kind : node.taps) {
      const std::string tensor = to_string(kind) + "_gradient";
      Tracker tracker(traits_of(gradient.shape), worker_count(), kinds, is_shared);
      do {
        parallel_chunks(own.images, [&](const Chunk& chunk) {
          observe_tensor(gradient.slice(chunk.first, chunk.images), tracker,
                         own.first / images_per_chunk + chunk.index, chunk.worker);
        });
      } while (tracker.another_pass());
      tracker.finish(frame, tensor, node.unit);
      raw.add(copy.units()[node.unit].name, tensor, gradient);
    }
  });
  if (shared) shared->finish();

  for (size_t unit = 0; unit < copy.units().size(); ++unit) {
    const Layer<float>* const leader = std::as_const(copy).layer(copy.units()[unit].leader);
    if (leader == nullptr || leader->linear() == nullptr) continue;
    const Tensor<float>& gradient = leader->linear()->weight->grad;
    Tracker tracker(traits_of(gradient.shape()), 1, kinds);
    do {
      observe_tensor(gradient.view(), tracker);
    } while (tracker.another_pass());
    tracker.finish(frame, "weight_gradient", static_cast<int64_t>(unit));
    raw.add(copy.units()[unit].name, "weight_gradient", gradient.view());
  }
}

}  // namespace quantdyn
