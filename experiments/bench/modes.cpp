#include "experiments/bench/modes.h"

#include <algorithm>
#include <functional>

#include "data/loader.h"
#include "experiments/method/quantized_twin.h"
#include "experiments/method/tracking.h"
#include "framework/base/stopwatch.h"
#include "framework/base/threads.h"
#include "framework/learning/optimizer.h"
#include "framework/run/training_plan.h"
#include "layers/softmax_cross_entropy.h"

namespace quantdyn {
namespace {

constexpr int warm_up_steps = 2;

/// `start` is called after the steps that are not timed.
void time_steps(double seconds, const std::function<void()>& step,
                const std::function<void()>& start, BenchTiming& out) {
  for (int i = 0; i < warm_up_steps; ++i) step();
  start();
  for (const Stopwatch watch; out.seconds < seconds;
       out.seconds = watch.seconds(), ++out.iterations)
    step();
}

BenchTiming time_evaluator(Evaluator& evaluator, View<const float> x, double seconds,
                           ByLayer by_layer) {
  Tensor<float> logits(evaluator.network().output_shape().batch_of(x.shape[0]));
  BenchTiming out;
  time_steps(
      seconds, [&] { evaluator.run(x, x.shape[0], 0, logits.view()); },
      [&] {
        if (by_layer == ByLayer::yes) evaluator.start_profile();
      },
      out);
  if (by_layer == ByLayer::yes) out.steps = evaluator.profile();
  return out;
}

/// The batch itself as a dataset, for calibration and the loader.
class GivenImages final : public Dataset {
 public:
  explicit GivenImages(View<const float> x) : x_(x) {}
  int64_t size() const override { return x_.shape[0]; }
  Shape sample_shape() const override { return x_.shape.of_one(); }
  int64_t classes() const override { return 0; }
  int64_t get(int64_t i, float* x) const override {
    std::ranges::copy(x_.slice(i, 1).values(), x);
    return -1;
  }
  std::string name() const override { return "random"; }
  std::string sha256() const override { return ""; }

 private:
  View<const float> x_;
};

Standardization no_standardization(const Shape& image) {
  const auto channels = static_cast<size_t>(image.channels());
  return {std::vector<double>(channels, 0), std::vector<double>(channels, 1)};
}

/// The number of values in the convolutions' outputs for one image, before norm and activation.
int64_t convolution_outputs(const Network& network) {
  int64_t out = 0;
  for (int i = 0; i < static_cast<int>(network.nodes().size()); ++i)
    if (const Layer<float>* const layer = network.layer(i); layer && layer->convolution())
      out += network.nodes()[i].shape.elements();
  return out;
}

}  // namespace

Tensor<float> random_images(const Network& network, int64_t batch) {
  Tensor<float> out(network.input_shape().batch_of(batch));
  const Rng rng(1);
  for (int64_t i = 0; i < out.elements(); ++i)
    out[i] = static_cast<float>(rng.normal(static_cast<uint64_t>(i)));
  return out;
}

BenchTiming time_training(Network& network, View<const float> x, double seconds, ByLayer by_layer) {
  const int64_t batch = x.shape[0];
  const Options sgd = Options::from_text("{name: sgd, momentum: 0.9}", "bench");
  const auto optimizer = Registry<Optimizer>::instance().make(sgd);
  TrainingPlan plan(network, Fusing::fused, ConvolutionAlgorithm::automatic, batch);
  std::vector<Parameter<float>*> parameters;
  for (const auto& named : network.parameters()) parameters.push_back(named.parameter);
  std::vector<int32_t> labels;
  for (int64_t i = 0; i < batch; ++i)
    labels.push_back(static_cast<int32_t>(Rng(2).below(
        static_cast<uint64_t>(i), static_cast<uint64_t>(network.output_shape().elements()))));
  enum Place { in_layers, loss, clearing, optimizing, places };
  std::vector<double> seconds_at(places);
  BenchTiming out;
  const auto step = [&] {
    Laps laps(by_layer == ByLayer::yes ? &seconds_at : nullptr);
    const View<const float> logits = plan.forward(x);
    laps.end(in_layers);
    softmax_cross_entropy<float>(logits, labels, 0, plan.logits_gradient());
    laps.end(loss);
    clear_gradients(parameters);
    laps.end(clearing);
    plan.backward();
    laps.end(in_layers);
    optimizer->step(parameters, 0.05);
    laps.end(optimizing);
  };
  const auto start = [&] {
    if (by_layer == ByLayer::yes) plan.start_profile();
    seconds_at.assign(places, 0);
  };
  time_steps(seconds, step, start, out);
  if (by_layer == ByLayer::no) return out;
  out.steps = plan.profile();
  out.outside = {{"loss", seconds_at[loss]},
                 {"gradients set to zero", seconds_at[clearing]},
                 {"optimizer (sgd)", seconds_at[optimizing]}};
  return out;
}

BenchTiming time_inference(const Network& network, View<const float> x, double seconds,
                           ByLayer by_layer) {
  const FoldedNetwork folded = fold_network(network);
  Evaluator evaluator(folded.network, Fusing::fused, ConvolutionAlgorithm::automatic, Keep::logits);
  return time_evaluator(evaluator, x, seconds, by_layer);
}

BenchTiming time_simulation(const Network& network, View<const float> x, double seconds,
                            ByLayer by_layer) {
  const Options document = Options::from_text(
      "variants: [{name: simulated, weights: {}, activations: {}, calibration: {images: 8}}]",
      "bench");
  const std::vector<Variant> variants =
      read_variants(document.list("variants", ""), network, {x.shape[0], x.shape[0]});
  const GivenImages images(x);
  const Standardization none = no_standardization(network.input_shape());
  const FoldedNetwork folded = fold_network(network);
  Frame frame = make_frame(folded.network);
  QuantizedTwin twin(folded, variants[0], Fusing::fused, Simulation::integer, frame);
  twin.quantize({&images, &none, {0, 1, 2, 3, 4, 5, 6, 7}}, {}, Rng(3), frame,
                [](const std::string&, int64_t, int64_t, const std::string&) {});
  return time_evaluator(twin.evaluator(), x, seconds, by_layer);
}

TrackingTiming time_statistics(const Network& network, View<const float> x, double seconds) {
  const StatisticKinds kinds = read_statistics(Options::from_text("{}", "bench"));
  Evaluator evaluator(network, Fusing::fused, ConvolutionAlgorithm::direct, Keep::logits);
  Evaluator bare(network, Fusing::fused, ConvolutionAlgorithm::direct, Keep::logits);
  TapTrackers trackers(evaluator, kinds);
  int64_t chunk = 0;
  TrackingTiming out;
  for (int64_t step = -warm_up_steps; out.tracked.seconds + out.bare_seconds < seconds; ++step) {
    const Stopwatch bare_watch;
    bare.run(x, x.shape[0], chunk, {});
    const double bare_time = bare_watch.seconds();
    const Stopwatch watch;
    evaluator.run(x, x.shape[0], chunk, {});
    const double time = watch.seconds();
    chunk += x.shape[0] / images_per_chunk;
    if (step < 0) continue;
    out.bare_seconds += bare_time;
    out.tracked.seconds += time;
    ++out.tracked.iterations;
  }
  Frame frame = make_frame(network);
  trackers.finish({}, frame);
  for (const auto& [path, array] : frame.arrays())
    if (path.starts_with("layerwise/") && path.ends_with("/count"))
      for (uint64_t count : std::get<std::vector<uint64_t>>(array.values)) out.counted += count;
  for (const Node<float>& node : network.nodes())
    out.expected += node.shape.elements() * static_cast<int64_t>(node.taps.size());
  out.expected *= x.shape[0] * (out.tracked.iterations + warm_up_steps);
  out.convolution_outputs = convolution_outputs(network) * x.shape[0];
  return out;
}

double time_loader(View<const float> x, double seconds) {
  const GivenImages images(x);
  const Standardization none = no_standardization(x.shape.of_one());
  LoaderSettings settings;
  settings.batch_size = x.shape[0];
  settings.crop_padding = 4;
  settings.flip_probability = 0.5;
  Loader loader(images, none, settings, Rng(4));
  int64_t epochs = 0;
  double taken = 0;
  for (const Stopwatch watch; taken < seconds; taken = watch.seconds(), ++epochs) {
    loader.start_epoch(epochs);
    loader.next();
  }
  return taken / static_cast<double>(epochs);
}

}  // namespace quantdyn
