#include "experiments/commands/bench_network.h"

#include <algorithm>
#include <array>
#include <functional>
#include <nlohmann/json.hpp>

#include "data/dataset.h"
#include "data/standardize.h"
#include "experiments/method/quantized_twin.h"
#include "experiments/method/tracking.h"
#include "experiments/results/process_facts.h"
#include "experiments/run/network_file.h"
#include "framework/base/stopwatch.h"
#include "framework/base/threads.h"
#include "framework/learning/optimizer.h"
#include "framework/run/training_plan.h"
#include "layers/softmax_cross_entropy.h"

namespace quantdyn {
namespace {

constexpr int warm_up_steps = 2;
constexpr int64_t most_images = 65'536;
constexpr double most_seconds = 86'400;  // a day

Tensor<float> random_images(const Network& network, int64_t batch) {
  Tensor<float> out(network.input_shape().batch_of(batch));
  const Rng rng(1);
  for (int64_t i = 0; i < out.elements(); ++i)
    out[i] = static_cast<float>(rng.normal(static_cast<uint64_t>(i)));
  return out;
}

struct Timing {
  int64_t iterations = 0;
  double seconds = 0;
};

Timing time_steps(double seconds, const std::function<void()>& step) {
  for (int i = 0; i < warm_up_steps; ++i) step();
  Timing out;
  for (const Stopwatch watch; out.seconds < seconds;
       out.seconds = watch.seconds(), ++out.iterations)
    step();
  return out;
}

Timing time_training(Network& network, View<const float> x, double seconds) {
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
  return time_steps(seconds, [&] {
    const View<const float> logits = plan.forward(x);
    softmax_cross_entropy<float>(logits, labels, 0, plan.logits_gradient());
    clear_gradients(parameters);
    plan.backward();
    optimizer->step(parameters, 0.05);
  });
}

Timing time_inference(const Network& network, View<const float> x, double seconds) {
  const FoldedNetwork folded = fold_network(network);
  Evaluator evaluator(folded.network, Fusing::fused, ConvolutionAlgorithm::automatic, Keep::logits);
  Tensor<float> logits(network.output_shape().batch_of(x.shape[0]));
  return time_steps(seconds, [&] { evaluator.run(x, x.shape[0], 0, logits.view()); });
}

/// The batch itself as a dataset, for calibration.
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

/// The simulation of a variant with every default: 8 bits, min-max, per tensor, all places.
Timing time_simulation(const Network& network, View<const float> x, double seconds) {
  const Options document = Options::from_text(
      "variants: [{name: simulated, weights: {}, activations: {}, calibration: {images: 8}}]",
      "bench");
  const std::vector<Variant> variants =
      read_variants(document.list("variants", ""), network, {x.shape[0], x.shape[0]});
  const GivenImages images(x);
  const auto channels = static_cast<size_t>(network.input_shape().channels());
  const Standardization none{std::vector<double>(channels, 0), std::vector<double>(channels, 1)};
  const FoldedNetwork folded = fold_network(network);
  Frame frame = make_frame(folded.network);
  QuantizedTwin twin(folded, variants[0], Fusing::fused, Simulation::integer, frame);
  twin.quantize({&images, &none, {0, 1, 2, 3, 4, 5, 6, 7}}, {}, Rng(3), frame,
                [](const std::string&, int64_t, int64_t, const std::string&) {});
  Tensor<float> logits(network.output_shape().batch_of(x.shape[0]));
  return time_steps(seconds, [&] { twin.evaluator().run(x, x.shape[0], 0, logits.view()); });
}

/// The number of values in the convolutions' outputs for one image, before norm and activation.
int64_t convolution_outputs(const Network& network) {
  int64_t out = 0;
  for (int i = 0; i < static_cast<int>(network.nodes().size()); ++i)
    if (const Layer<float>* const layer = network.layer(i); layer && layer->convolution())
      out += network.nodes()[i].shape.elements();
  return out;
}

/// All taps tracked; alternates with the same forward pass without trackers.
Timing time_statistics(const Network& network, View<const float> x, double seconds,
                       nlohmann::ordered_json& out) {
  const StatisticKinds kinds = read_statistics(Options::from_text("{}", "bench"));
  Evaluator evaluator(network, Fusing::fused, ConvolutionAlgorithm::direct, Keep::logits);
  Evaluator bare(network, Fusing::fused, ConvolutionAlgorithm::direct, Keep::logits);
  TapTrackers trackers(evaluator, kinds);
  int64_t chunk = 0;
  double bare_seconds = 0;
  Timing timing;
  for (int64_t step = -warm_up_steps; timing.seconds + bare_seconds < seconds; ++step) {
    const Stopwatch bare_watch;
    bare.run(x, x.shape[0], chunk, {});
    const double bare_time = bare_watch.seconds();
    const Stopwatch watch;
    evaluator.run(x, x.shape[0], chunk, {});
    const double time = watch.seconds();
    chunk += x.shape[0] / images_per_chunk;
    if (step < 0) continue;
    bare_seconds += bare_time;
    timing.seconds += time;
    ++timing.iterations;
  }
  Frame frame = make_frame(network);
  trackers.finish({}, frame);
  uint64_t counted = 0;
  int64_t elements = 0;
  for (const auto& [path, array] : frame.arrays())
    if (path.starts_with("layerwise/") && path.ends_with("/count"))
      for (uint64_t count : std::get<std::vector<uint64_t>>(array.values)) counted += count;
  for (const Node<float>& node : network.nodes())
    elements += node.shape.elements() * static_cast<int64_t>(node.taps.size());
  out["counted"] = counted;
  out["expected_count"] = elements * x.shape[0] * (timing.iterations + warm_up_steps);
  const auto iterations = static_cast<double>(timing.iterations);
  const double outputs = static_cast<double>(convolution_outputs(network) * x.shape[0]);
  out["bare_milliseconds_per_batch"] = 1e3 * bare_seconds / iterations;
  out["tracking_nanoseconds_per_convolution_output"] =
      1e9 * (timing.seconds - bare_seconds) / iterations / outputs;
  return timing;
}

}  // namespace

std::string bench_network(const BenchRequest& request) {
  constexpr std::array modes{"train", "infer", "simulate", "stats"};
  if (std::ranges::find(modes, request.mode) == modes.end())
    throw_error<ConfigError>("--mode {}: accepted: {}",
                             request.mode.empty() ? "is missing" : request.mode,
                             fmt::join(modes, ", "));
  if (request.batch < 2 || request.batch > most_images ||
      (request.mode != "train" && request.batch % images_per_chunk != 0))
    throw_error<ConfigError>(
        "--batch {}: accepted: from 2 to {}, and a multiple of {} except in training",
        request.batch, most_images, images_per_chunk);
  if (!(request.seconds > 0 && request.seconds <= most_seconds))
    throw_error<ConfigError>("--seconds {}: accepted: over 0, at most {}", request.seconds,
                             most_seconds);
  const Options none = Options::from_text("{}", "command line");
  Network network = read_network_file(request.network, none).network;
  const auto he_normal =
      Registry<Initializer>::instance().make(Options::from_text("{name: he_normal}", "bench"));
  network.initialize(*he_normal, Rng(0));
  const Tensor<float> x = random_images(network, request.batch);
  nlohmann::ordered_json out;
  const bool trains = request.mode == "train";
  const auto time_mode = [&] {
    if (trains) return time_training(network, x.view(), request.seconds);
    if (request.mode == "infer") return time_inference(network, x.view(), request.seconds);
    if (request.mode == "simulate") return time_simulation(network, x.view(), request.seconds);
    return time_statistics(network, x.view(), request.seconds, out);
  };
  const Timing timing = time_mode();
  const double rate = static_cast<double>(timing.iterations * request.batch) / timing.seconds;
  const double macs = static_cast<double>(network.multiply_accumulates());
  out["images_per_second"] = rate;
  out["milliseconds_per_batch"] = 1e3 * timing.seconds / static_cast<double>(timing.iterations);
  out["iterations"] = timing.iterations;
  out["parameters"] = network.trained_count();
  out["multiply_accumulates"] = network.multiply_accumulates();
  out["peak_rss_mib"] = peak_memory_mib();
  out["gflops_per_second"] = 2e-9 * macs * (trains ? 3 : 1) * rate;
  return out.dump();
}

}  // namespace quantdyn
