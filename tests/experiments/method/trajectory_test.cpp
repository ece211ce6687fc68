// Ten steps of training beside PyTorch: losses, weights and running statistics.
#include <boost/test/unit_test.hpp>
#include <cmath>

#include "framework/learning/optimizer.h"
#include "framework/run/training_plan.h"
#include "layers/softmax_cross_entropy.h"

using namespace quantdyn;

namespace {

// Printed by trajectory_in_torch.py, which computes in float64.
const std::vector<double> sgd_losses{1.63365439295, 1.62904834217, 1.62134136045, 1.61289614552,
                                     1.60421190338, 1.59630466738, 1.58959710186, 1.58407449516,
                                     1.57981732423, 1.5768811484};
const std::vector<double> sgd_weights{0.270898045244, -0.240071214388, 0.389783358958,
                                      -0.116251264465};
const std::vector<double> sgd_statistics{0.000176474058525, 5.00488398753,  0.114484606287,
                                         4.46933562423,     0.518926154796, 8.55910445399};
const std::vector<double> adam_losses{1.63365439295, 1.60452262736, 1.58602517763, 1.57288448456,
                                      1.56471842282, 1.55923008817, 1.55159298897, 1.54687595885,
                                      1.54120050767, 1.53150716689};
const std::vector<double> adam_weights{0.725414642362, -0.293244097195, 0.786464562404,
                                       -0.307738184966};
const std::vector<double> adam_statistics{9.83282017332e-06, 5.37312909021,  0.0969470453895,
                                          4.42236726251,     0.547740032572, 8.3701080286};
constexpr int64_t image_count = 16, classes = 5;

/// amplitude sin(start + speed i), as in trajectory_in_torch.py.
float wave(int64_t i, double amplitude, double speed, double start) {
  return static_cast<float>(amplitude * std::sin(start + speed * static_cast<double>(i)));
}

void fill(Parameter<float>& parameter, double amplitude, double speed, double start,
          float offset = 0) {
  for (int64_t i = 0; i < parameter.master.elements(); ++i)
    parameter.master[i] = offset + wave(i, amplitude, speed, start);
}

Network make_network() {
  Network out = Network::from_options(Options::from_text(
      "input: [8, 8, 3]\n"
      "nodes:\n"
      "  - conv2d: {name: conv, channels: 8, kernel: 3, padding: 1, bias: false}\n"
      "  - batch_norm: {name: n1}\n"
      "  - relu: {name: r1}\n"
      "  - conv2d: {name: dw, channels: 8, kernel: 3, stride: 2, padding: 1, groups: 8, bias: "
      "false}\n"
      "  - batch_norm: {name: n2}\n"
      "  - relu: {name: r2}\n"
      "  - conv2d: {name: pw, channels: 12, kernel: 1, bias: false}\n"
      "  - batch_norm: {name: n3}\n"
      "  - relu: {name: r3}\n"
      "  - global_average_pool: {name: pool}\n"
      "  - dense: {name: logits, units: 5}\n",
      "test.yaml"));
  const auto linear = [&](const char* name) { return out.layer(out.index_of(name))->linear(); };
  fill(*linear("conv")->weight, 0.4, 0.7, 0.1);
  fill(*linear("dw")->weight, 0.5, 0.6, 0.2);
  fill(*linear("pw")->weight, 0.6, 0.5, 0.3);
  fill(*linear("logits")->weight, 0.7, 0.8, 0.4);
  fill(*linear("logits")->bias, 0.1, 1.3, 0.5);
  double start = 0.6;
  for (const char* name : {"n1", "n2", "n3"}) {
    ChannelAffine<float>& norm = *out.layer(out.index_of(name))->channel_affine();
    fill(*norm.gamma, 0.25, 1.1, start, 1);
    fill(*norm.beta, 0.25, 0.9, start);
    norm.mean->master.fill(0);
    norm.variance->master.fill(1);
    start += 0.1;
  }
  return out;
}

struct Trajectory {
  std::vector<double> losses, weights, statistics;
};

Trajectory train(Fusing fusing, const std::string& optimizer_yaml, double rate) {
  Network network = make_network();
  const auto optimizer =
      Registry<Optimizer>::instance().make(Options::from_text(optimizer_yaml, "test.yaml"));
  TrainingPlan plan(network, fusing, ConvolutionAlgorithm::direct, image_count);
  Tensor<float> x(Shape{image_count, 8, 8, 3});
  for (int64_t i = 0; i < x.elements(); ++i) x[i] = wave(i, 1, 0.37, 0);
  std::vector<int32_t> labels;
  for (int32_t i = 0; i < image_count; ++i) labels.push_back(i * 3 % classes);
  std::vector<Parameter<float>*> parameters;
  for (const Network::Named& named : network.parameters()) parameters.push_back(named.parameter);

  Trajectory out;
  for (size_t step = 0; step < sgd_losses.size(); ++step) {
    const View<const float> logits = plan.forward(x.view());
    out.losses.push_back(
        softmax_cross_entropy<float>(logits, labels, 0.1, plan.logits_gradient()).mean_loss);
    clear_gradients(parameters);
    plan.backward();
    optimizer->step(parameters, rate);
  }
  for (const char* name : {"conv", "dw", "pw", "logits"}) {
    const Tensor<float>& weight = network.layer(network.index_of(name))->linear()->weight->master;
    double sum = 0;
    for (int64_t i = 0; i < weight.elements(); ++i)
      sum += static_cast<double>(weight[i]) * static_cast<double>(wave(i, 1, 1.7, 0.9));
    out.weights.push_back(sum);
  }
  for (const char* name : {"n1", "n2", "n3"}) {
    const ChannelAffine<float>& norm = *network.layer(network.index_of(name))->channel_affine();
    for (const Tensor<float>* statistic : {&norm.mean->master, &norm.variance->master}) {
      double sum = 0;
      for (const float value : statistic->values()) sum += static_cast<double>(value);
      out.statistics.push_back(sum);
    }
  }
  return out;
}

/// Bounds of what float32 loses in ten steps.
void check(const char* what, const std::vector<double>& found, const std::vector<double>& golden,
           double bound) {
  BOOST_TEST_REQUIRE(found.size() == golden.size());
  for (size_t i = 0; i < found.size(); ++i)
    BOOST_TEST(std::abs(found[i] - golden[i]) <= bound,
               what << " " << i << ": " << found[i] << ", PyTorch " << golden[i]);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(trajectory_test)

BOOST_AUTO_TEST_CASE(ten_steps_of_each_optimizer_are_those_of_pytorch) {
  for (const Fusing fusing : {Fusing::unfused, Fusing::fused}) {
    const Trajectory sgd = train(
        fusing, "{name: sgd, momentum: 0.9, weight_decay: 5e-3, decay_norm_and_bias: false}", 0.05);
    check("loss", sgd.losses, sgd_losses, 1e-6);
    check("weight", sgd.weights, sgd_weights, 2e-6);
    check("statistic", sgd.statistics, sgd_statistics, 2e-6);
    const Trajectory adam =
        train(fusing, "{name: adam, weight_decay: 5e-3, decay_norm_and_bias: false}", 0.01);
    check("loss", adam.losses, adam_losses, 2e-6);
    check("weight", adam.weights, adam_weights, 1e-5);
    check("statistic", adam.statistics, adam_statistics, 1e-5);
  }
}

BOOST_AUTO_TEST_SUITE_END()
