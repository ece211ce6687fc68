// Folding in training: with the batch's statistics and no quantizer it is the chain itself, forward
// and backward; with the running ones its gradients are those of the evaluated net.
#include <boost/test/unit_test.hpp>
#include <cmath>

#include "framework/base/threads.h"
#include "plan_comparison.h"
#include "tests/every_target.h"

using namespace quantdyn;
using namespace quantdyn::test;

namespace {

constexpr const char* yaml = R"(
input: [9, 9, 3]
nodes:
  - conv2d: {name: biased, channels: 6, kernel: 3, bias: true}
  - batch_norm: {name: biased_norm}
  - relu: {name: act}
  - block: {name: second, channels: 8, stride: 2, activation: none}
  - separable: {name: sep, channels: 8, activation: relu6}
  - block: {name: branch, channels: 8, groups: 2, activation: sigmoid}
  - add: {name: sum, inputs: [sep, branch]}
  - global_average_pool: {name: pool}
  - dense: {name: logits, units: 3}
)";
constexpr int64_t images = 11;

template <typename T>
BasicNetwork<T> make_net() {
  BasicNetwork<T> out = BasicNetwork<T>::from_options(Options::from_text(yaml, "folding.yaml"));
  uint64_t i = 0;
  const Rng rng(3);
  for (const auto& named : out.parameters())
    for (T& value : named.parameter->master.values()) {
      const bool is_variance = named.parameter->name.find("variance") != std::string::npos;
      value = static_cast<float>(is_variance ? 0.5 + rng.uniform(i) : 0.5 * rng.normal(i));
      ++i;
    }
  return out;
}

Tensor<float> inputs() { return random_tensor({images, 9, 9, 3}, Rng(5)); }

/// Doubles a weight; its gradient stays that of the effective weight, times two.
class Doubled final : public WeightTransform {
 public:
  void forward(const Tensor<float>& weight, Tensor<float>& effective) override {
    for (int64_t i = 0; i < weight.elements(); ++i) effective[i] = 2 * weight[i];
  }
  void backward(const Tensor<float>&, const Tensor<float>&, Tensor<float>& gradient) override {
    for (float& g : gradient.values()) g *= 2;
  }
};

/// Rounds to eighths; gradients pass where values are below 2. A transform that readers may apply,
/// or not.
class Eighths final : public TrainingStep, public GradientWatcher, public Transform {
 public:
  Eighths(int node, bool is_transform) : TrainingStep({node}), is_transform_(is_transform) {}

  const Transform* transform() const override { return is_transform_ ? this : nullptr; }
  bool has_parameters() const override { return false; }
  GradientWatcher* gradient_watcher() override { return this; }
  void expect_gradients(int64_t) override { is_watched_ = true; }
  void watch_gradient(View<const float> x, View<float> dy, int64_t first, int64_t count) override {
    pass(x.slice(first, count), dy.slice(first, count), dy.slice(first, count), Accumulate::no);
  }
  void apply(const MutableTile& tile) const override {
    for (int64_t r = 0; r < tile.rows; ++r)
      for (int64_t c = 0; c < tile.channels; ++c) {
        float& value = tile.values[r * tile.row_stride + c];
        value = std::nearbyint(8 * value) / 8;
      }
  }
  void forward(std::span<const View<const float>> x, View<float> y, View<float>, float*) override {
    if (!y) return;
    std::ranges::copy(x[0].values(), y.data);
    apply(whole_tile(y));
  }
  void backward(std::span<const View<const float>> x, View<const float>, View<float>,
                View<float> dy, std::span<const InputGradient> dx, float*) override {
    if (!is_watched_ && dx[0].to) pass(x[0], dy, dx[0].to, dx[0].accumulate);
  }

 private:
  static void pass(View<const float> x, View<const float> dy, View<float> to,
                   Accumulate accumulate) {
    for (int64_t i = 0; i < x.elements(); ++i)
      to.data[i] =
          (accumulate == Accumulate::yes ? to.data[i] : 0) + (x.data[i] < 2 ? dy.data[i] : 0);
  }
  bool is_transform_, is_watched_ = false;
};

/// With steps after the images and after all units; each may be a transform.
QuantizedTraining with_eighths(const Network& net, Folding folding, bool are_transforms) {
  QuantizedTraining out;
  out.folding = folding;
  for (int unit = 0; unit < static_cast<int>(net.units().size()); ++unit)
    out.outputs[unit] = std::make_unique<Eighths>(net.units()[unit].last, are_transforms);
  return out;
}

/// Logits, gradients and running statistics of one step, by name.
std::map<std::string, Tensor<float>> step_of(Network net, QuantizedTraining quantized) {
  const Tensor<float> x = inputs();
  TrainingPlan plan(net, Fusing::fused, ConvolutionAlgorithm::direct, images, std::move(quantized));
  for (const auto& named : net.parameters())
    if (named.parameter->trained) named.parameter->grad.fill(0);
  const View<const float> logits = plan.forward(x.view());
  std::map<std::string, Tensor<float>> out;
  out["logits"] = Tensor<float>(logits.shape);
  std::ranges::copy(logits.values(), out["logits"].data());
  const Tensor<float> gradient = random_tensor(logits.shape, Rng(7));
  std::ranges::copy(gradient.values(), plan.logits_gradient().data);
  plan.backward();
  for (const auto& named : net.parameters())
    out[net.nodes()[named.node].name + "/" + named.parameter->name] =
        named.parameter->trained ? named.parameter->grad : named.parameter->master;
  return out;
}

/// sum logits * gradient of the net with its running statistics, in double.
double evaluated_loss(const BasicNetwork<double>& net) {
  const Tensor<float> x = inputs();
  std::vector<Tensor<double>> results;
  for (size_t i = 0; i < net.nodes().size(); ++i) {
    const Node<double>& node = net.nodes()[i];
    Tensor<double>& y = results.emplace_back(node.shape.batch_of(images));
    if (i == 0) {
      std::ranges::copy(x.values(), y.data());
      continue;
    }
    std::vector<View<const double>> read;
    for (int input : node.inputs) read.push_back(std::as_const(results[input]).view());
    node.layer->evaluate(read, y.view());
  }
  const Tensor<float> gradient = random_tensor(results.back().shape(), Rng(7));
  double sum = 0;
  for (int64_t i = 0; i < gradient.elements(); ++i) sum += gradient[i] * results.back()[i];
  return sum;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(folding_step_test)

BOOST_AUTO_TEST_CASE(batch_folding_without_a_quantizer_is_the_chain_itself) {
  on_every_target([](const std::string& target) {
    const auto folded = step_of(make_net<float>(), {Folding::batch, {}, {}});
    const auto plain = step_of(make_net<float>(), {});
    std::string where;
    const double worst = largest_difference(folded, plain, Norm::euclidean, where);
    BOOST_TEST(worst < 2e-5, target << " " << where << " " << worst);
  });
}

BOOST_AUTO_TEST_CASE(running_folding_has_the_gradients_of_the_evaluated_net) {
  const auto found = step_of(make_net<float>(), {Folding::running, {}, {}});
  BasicNetwork<double> reference = make_net<double>();
  for (const auto& named : reference.parameters()) {
    Parameter<double>& parameter = *named.parameter;
    const std::string name = reference.nodes()[named.node].name + "/" + parameter.name;
    const Tensor<float>& gradient = found.at(name);
    for (int64_t i = 0; i < parameter.master.elements(); i += 1 + parameter.master.elements() / 5) {
      const double before = parameter.master[i], step = 1e-6;
      parameter.master[i] = before + step;
      const double above = evaluated_loss(reference);
      parameter.master[i] = before - step;
      const double below = evaluated_loss(reference);
      parameter.master[i] = before;
      if (!parameter.trained) {
        BOOST_TEST(gradient[i] == static_cast<float>(before), name << ": a statistic moved");
        continue;
      }
      const double expected = (above - below) / (2 * step);
      BOOST_TEST(std::abs(gradient[i] - expected) <= 1e-4 * std::abs(expected) + 1e-4,
                 name << "[" << i << "]: " << gradient[i] << " and " << expected);
    }
  }
}

BOOST_AUTO_TEST_CASE(frozen_batch_folding_is_running_folding) {
  const Tensor<float> x = inputs();
  Network one = make_net<float>(), other = make_net<float>();
  TrainingPlan frozen(one, Fusing::fused, ConvolutionAlgorithm::direct, images,
                      {Folding::batch, {}, {}});
  frozen.freeze_folding();
  TrainingPlan running(other, Fusing::fused, ConvolutionAlgorithm::direct, images,
                       {Folding::running, {}, {}});
  const View<const float> a = frozen.forward(x.view()), b = running.forward(x.view());
  BOOST_TEST(std::ranges::equal(a.values(), b.values()));
}

BOOST_AUTO_TEST_CASE(transforms_stand_between_the_folded_weight_and_the_layer) {
  Doubled doubled;
  for (const Folding folding : {Folding::none, Folding::running, Folding::batch}) {
    Network net = make_net<float>(), twice = make_net<float>();
    const int unit = static_cast<int>(twice.units().size()) - 1;  // dense: no norm
    Parameter<float>& weight = *twice.layer(twice.units()[unit].leader)->linear()->weight;
    for (float& w : weight.master.values()) w *= 2;
    auto with = step_of(std::move(net), {folding, {{unit, &doubled}}, {}});
    auto without = step_of(std::move(twice), {folding, {}, {}});
    for (float& g : without.at("logits/weight").values()) g *= 2;
    std::string where;
    BOOST_TEST(largest_difference(with, without, Norm::euclidean, where) < 1e-6, where);
  }
  // After the folding a doubled weight is a doubled scale, but for the shift.
  const auto plain = step_of(make_net<float>(), {Folding::running, {}, {}});
  const auto with = step_of(make_net<float>(), {Folding::running, {{1, &doubled}}, {}});
  BOOST_TEST(!std::ranges::equal(with.at("logits").values(), plain.at("logits").values()));
}

BOOST_AUTO_TEST_CASE(what_readers_transform_gives_the_bits_of_what_is_written) {
  on_every_target([](const std::string& target) {
    for (const Folding folding : {Folding::none, Folding::running, Folding::batch}) {
      const auto read = step_of(make_net<float>(), with_eighths(make_net<float>(), folding, true));
      const auto written =
          step_of(make_net<float>(), with_eighths(make_net<float>(), folding, false));
      for (const auto& [name, expected] : written)
        BOOST_TEST(std::ranges::equal(read.at(name).values(), expected.values()),
                   target << " " << name);
    }
  });
}

BOOST_AUTO_TEST_CASE(bits_do_not_depend_on_threads) {
  const int before = worker_count();
  std::vector<std::map<std::string, Tensor<float>>> found;
  for (const int threads : {1, 2, 3}) {
    set_worker_count(threads);
    found.push_back(
        step_of(make_net<float>(), with_eighths(make_net<float>(), Folding::batch, true)));
  }
  set_worker_count(before);
  for (const auto& [name, expected] : found[0])
    for (const auto& other : found)
      BOOST_TEST(std::ranges::equal(other.at(name).values(), expected.values()), name);
}

BOOST_AUTO_TEST_CASE(norms_that_no_fused_chain_holds_are_refused) {
  Network net = make_net<float>();
  BOOST_CHECK_THROW(TrainingPlan(net, Fusing::unfused, ConvolutionAlgorithm::direct, images,
                                 {Folding::batch, {}, {}}),
                    ConfigError);
}

BOOST_AUTO_TEST_SUITE_END()
