// Gradients of weights and activations: against differences in double, the fused plan, and what a
// probe must leave alone.
#include "experiments/method/gradients.h"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstring>
#include <functional>

#include "data/loader.h"
#include "data/order.h"
#include "experiments/method/tracking.h"
#include "framework/run/training_plan.h"
#include "layers/softmax_cross_entropy.h"
#include "stats/counts/log_histogram.h"
#include "tests/experiments/method/tensor_file.h"
#include "tests/experiments/small_nets.h"
#include "tests/layers/plan_comparison.h"
#include "tests/stats/observe.h"

using namespace quantdyn;
using namespace quantdyn::test;

namespace {

constexpr double smoothing = 0.1;
constexpr int64_t images = 24;

const char* const network_yaml = R"(
input: [8, 8, 3]
nodes:
  - block: {name: conv1, channels: 6}
  - separable: {name: sep2, channels: 8, activation: relu6}
  - residual: {name: res3, channels: 8}
  - average_pool: {name: pool4, kernel: 2}  # a maximum of zeros has no derivative
  - flatten: {name: flat}
  - dense: {name: logits, units: 10}
)";

struct Probed {
  Network network = network_of(network_yaml);
  std::unique_ptr<DatasetPair> data = DatasetRegistry::instance().make(Options::from_text(
      "{name: resize, height: 8, width: 8, of: {name: synthetic, train_images: 64, test_images: "
      "8}}",
      "t"));
  Standardization standardization =
      StandardizationSettings(Options::from_text("{}", "t")).make(*data->train);
  StatisticKinds kinds = read_statistics(Options::from_text("{}", "t"));
  GradientProbe probe{
      {data->train.get(), &standardization, first_of_shuffle(Rng(1).fork("gradients"), 64, images)},
      smoothing,
      false};

  Batch batch() const { return load_images(*data->train, standardization, probe.images.indices); }

  /// Every gradient, by "node/tensor"; statistics go into the frame.
  std::map<std::string, Tensor<float>> gradients(Frame& frame) const {
    RawTensorSettings all{{},
                          {"conv_gradient", "norm_gradient", "output_gradient", "weight_gradient"},
                          images,
                          RawTensorSettings::Snapshots::all};
    for (const Unit& unit : network.units()) all.nodes.push_back(unit.name);
    Evaluator evaluator(network, Fusing::fused, ConvolutionAlgorithm::direct, Keep::logits);
    return TensorFile().tensors_of([&](BegunSnapshot& begun) {
      RawTensors raw({&all, &begun}, evaluator);
      track_gradients(network, probe, kinds, frame, raw, false);
    });
  }
  std::map<std::string, Tensor<float>> gradients() const {
    Frame frame = make_frame(network);
    return gradients(frame);
  }
};

/// The same net and batch in double, in training mode, node by node.
class Reference {
 public:
  explicit Reference(const Probed& probed)
      : net_(BasicNetwork<double>::from_options(Options::from_text(network_yaml, "net.yaml"))),
        labels_(probed.batch().labels) {
    const auto from = probed.network.parameters();
    const auto to = net_.parameters();
    for (size_t i = 0; i < to.size(); ++i)
      std::ranges::copy(from[i].parameter->master.values(), to[i].parameter->master.data());
    const Batch batch = probed.batch();
    for (const Node<double>& node : net_.nodes()) values_.emplace_back(node.shape.batch_of(images));
    std::ranges::copy(batch.x.values(), values_[0].data());
    run_after(0);
  }
  BasicNetwork<double>& net() { return net_; }
  Tensor<double>& values(int node) { return values_[node]; }
  /// The mean loss after a change of this node's values.
  double run_after(int node) {
    for (int i = node + 1; i < static_cast<int>(values_.size()); ++i) {
      std::vector<View<const double>> inputs;
      for (int input : net_.nodes()[i].inputs) inputs.push_back(values_[input].view());
      net_.layer(i)->forward(inputs, values_[i].view());
    }
    return softmax_cross_entropy<double>(values_.back().view(), labels_, smoothing).mean_loss;
  }
  /// The loss's derivative by a value that nodes after `node` read.
  double difference(int node, double& place) {
    constexpr double step = 1e-7;  // few activations cross their kink
    const double before = place;
    place = before + step;
    const double above = run_after(node);
    place = before - step;
    const double below = run_after(node);
    place = before;
    return (above - below) / (2 * step);
  }

 private:
  BasicNetwork<double> net_;
  std::vector<int32_t> labels_;
  std::vector<Tensor<double>> values_;
};

/// The largest gap between a gradient and differences at some places, beside its largest value.
double gap_of(Reference& reference, int node, Tensor<double>& places,
              const Tensor<float>& gradient) {
  double gap = 0, largest = 0;
  for (float value : gradient.values())
    largest = std::max(largest, std::abs(static_cast<double>(value)));
  const int64_t stride = std::max<int64_t>(1, gradient.elements() / 29);
  for (int64_t k = 0; k < gradient.elements(); k += stride)
    gap = std::max(gap, std::abs(reference.difference(node, places[k]) - gradient[k]));
  return gap / largest;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(gradients_test, Probed)

BOOST_AUTO_TEST_CASE(gradients_of_activations_match_central_differences_in_double) {
  const auto found = gradients();
  Reference reference(*this);
  int checked = 0;
  for (int i = 1; i < static_cast<int>(network.nodes().size()); ++i) {
    const Node<float>& node = network.nodes()[i];
    for (TapKind kind : node.taps) {
      const std::string name =
          network.units()[node.unit].name + "/" + to_string(kind) + "_gradient";
      BOOST_REQUIRE_MESSAGE(found.contains(name), name);
      const double gap = gap_of(reference, i, reference.values(i), found.at(name));
      BOOST_TEST(gap < 1e-4, name << ": " << gap);
      ++checked;
    }
  }
  BOOST_TEST(checked > 15);
  BOOST_TEST(!found.contains("input/output_gradient"));
}

BOOST_AUTO_TEST_CASE(gradients_of_weights_match_central_differences_in_double) {
  const auto found = gradients();
  Reference reference(*this);
  for (const Unit& unit : network.units()) {
    Layer<double>* const leader = reference.net().layer(unit.leader);
    if (leader == nullptr || leader->linear() == nullptr) continue;
    const double gap = gap_of(reference, 0, leader->linear()->weight->master,
                              found.at(unit.name + "/weight_gradient"));
    BOOST_TEST(gap < 1e-4, unit.name << ": " << gap);
  }
}

BOOST_AUTO_TEST_CASE(gradients_of_weights_are_those_of_the_fused_plan_to_rounding) {
  const auto found = gradients();
  Network copy = network.clone();
  TrainingPlan plan(copy, Fusing::fused, ConvolutionAlgorithm::direct, images);
  const Batch probe_batch = batch();
  const View<const float> logits = plan.forward(probe_batch.x.view());
  softmax_cross_entropy<float>(logits, probe_batch.labels, smoothing, plan.logits_gradient());
  plan.backward();
  std::map<std::string, Tensor<float>> fused, probed;
  for (const Unit& unit : copy.units())
    if (Layer<float>* const leader = copy.layer(unit.leader); leader && leader->linear()) {
      fused[unit.name] = leader->linear()->weight->grad;
      probed[unit.name] = found.at(unit.name + "/weight_gradient");
    }
  std::string where;
  const double gap = largest_difference(probed, fused, Norm::euclidean, where);
  BOOST_TEST(gap < 1e-5, where << ": " << gap);
  BOOST_TEST(fused.size() == 6u);
}

BOOST_AUTO_TEST_CASE(a_fused_plan_shows_the_gradients_at_the_ends_of_its_steps) {
  const auto found = gradients();
  Network copy = network.clone();
  TrainingPlan plan(copy, Fusing::fused, ConvolutionAlgorithm::direct, images);
  const Batch probe_batch = batch();
  const View<const float> logits = plan.forward(probe_batch.x.view());
  softmax_cross_entropy<float>(logits, probe_batch.labels, smoothing, plan.logits_gradient());
  std::vector<int> seen;
  plan.backward([&](int index, View<const float> gradient) {
    const Node<float>& node = copy.nodes()[index];
    seen.push_back(index);
    if (node.taps.empty()) return;
    const std::string name =
        copy.units()[node.unit].name + "/" + to_string(node.taps.front()) + "_gradient";
    const double gap =
        difference(gradient.values(), found.at(name).values(), Norm::euclidean, 1e-30);
    BOOST_TEST(gap < 1e-4, name << ": " << gap);
  });
  BOOST_TEST(seen.size() > 6u);
  BOOST_TEST(seen.size() < copy.nodes().size() - 1);
  BOOST_TEST((std::ranges::is_sorted(seen, std::greater()) && seen.back() > 0));
}

BOOST_AUTO_TEST_CASE(a_probe_leaves_parameters_gradients_and_running_statistics_alone) {
  std::vector<std::vector<float>> before;
  for (const auto& named : network.parameters()) {
    named.parameter->grad = Tensor<float>(named.parameter->master.shape());
    named.parameter->grad.fill(0.5f);
    for (const Tensor<float>* tensor : {&named.parameter->master, &named.parameter->grad})
      before.emplace_back(tensor->values().begin(), tensor->values().end());
  }
  gradients();
  size_t at = 0;
  for (const auto& named : network.parameters())
    for (const Tensor<float>* tensor : {&named.parameter->master, &named.parameter->grad}) {
      const std::vector<float>& old = before[at++];
      BOOST_TEST(std::memcmp(old.data(), tensor->data(), old.size() * sizeof(float)) == 0,
                 named.parameter->name);
    }
}

BOOST_AUTO_TEST_CASE(gradients_have_the_same_bits_for_any_number_of_threads) {
  const int threads = worker_count();
  set_worker_count(1);
  Frame one = make_frame(network);
  gradients(one);
  for (int workers : {2, 3}) {
    set_worker_count(workers);
    Frame other = make_frame(network);
    gradients(other);
    BOOST_TEST(same_bits(one, other), workers << " threads");
  }
  set_worker_count(threads);
}

BOOST_AUTO_TEST_CASE(statistics_are_those_of_the_gradients_on_their_own_bins) {
  Frame frame = make_frame(network);
  const auto found = gradients(frame);
  const LogBins bins{.lowest_exponent = -48};
  for (const std::string name : {"conv_gradient", "weight_gradient"}) {
    const Tensor<float>& values = found.at("conv1/" + name);
    const int unit = unit_of(network, "conv1");
    LogHistogram histogram(bins);
    histogram.add(values.values());
    const auto counts = frame.layer_values<uint64_t>(name, "histogram", unit);
    BOOST_TEST(std::ranges::equal(counts, histogram.counts()), name);
    BOOST_TEST(frame.layer_values<double>(name, "min", unit)[0] == histogram.minimum());
    BOOST_TEST(frame.layer_values<double>(name, "max", unit)[0] == histogram.maximum());
    const Frame::Array& array = frame.arrays().at("layerwise/" + name + "/histogram");
    BOOST_TEST(array.quantity.axis == "gradient_bin");
    BOOST_TEST(!frame.arrays().contains("channelwise/" + name + "/histogram"));
    BOOST_TEST(frame.arrays().contains("channelwise/" + name + "/std"));
  }
}

BOOST_AUTO_TEST_CASE(histograms_of_channels_are_there_where_asked_for) {
  probe.channel_histograms = true;
  Frame frame = make_frame(network);
  gradients(frame);
  const int unit = unit_of(network, "conv1");
  const auto layer = frame.layer_values<uint64_t>("output_gradient", "histogram", unit);
  const auto channels = frame.channel_values<uint64_t>("output_gradient", "histogram", unit);
  BOOST_REQUIRE(channels.size() == 6 * layer.size());
  for (size_t bin = 0; bin < layer.size(); ++bin) {
    uint64_t sum = 0;
    for (size_t c = 0; c < 6; ++c) sum += channels[c * layer.size() + bin];
    BOOST_TEST(sum == layer[bin]);
  }
}

BOOST_AUTO_TEST_SUITE_END()
