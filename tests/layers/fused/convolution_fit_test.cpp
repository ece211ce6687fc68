// The fit of a convolution in fused kernels: the bits of the same fit as a training plan.
#include <boost/test/unit_test.hpp>
#include <typeinfo>

#include "framework/base/threads.h"
#include "framework/run/weight_fit.h"
#include "plan_comparison.h"
#include "tests/every_target.h"

namespace quantdyn::test {
namespace {

using Maker = std::unique_ptr<WeightFit> (*)(Network&, const FitImages&, int64_t);

/// Gradients of a few steps that change the weight, and the error after them.
struct Fitted {
  std::vector<float> gradients;
  double error = 0;
  bool is_fused = false;

  /// Of the last unit of a net.
  Fitted(const std::string& nodes, int64_t batch, Maker make, int threads) {
    const int before = worker_count();
    set_worker_count(threads);
    const Network net = Network::from_options(Options::from_text(nodes, "fit.yaml"));
    Network layer = net.alone(static_cast<int>(net.units().size()) - 1);
    uint64_t seed = 0;
    for (const auto& named : layer.parameters())
      for (float& value : named.parameter->master.values())
        value = static_cast<float>(Rng(1).normal(seed++));
    Parameter<float>& weight = *layer.layer(1)->linear()->weight;
    weight.effective = weight.master;
    const Tensor<float> x = random_tensor(layer.input_shape().batch_of(images), Rng(2));
    const Tensor<float> wanted = random_tensor(layer.nodes().back().shape.batch_of(images), Rng(3));
    const auto fit = make(layer, {x.view(), wanted.view()}, batch);
    is_fused = fit_name(*fit) != fit_name(*make_plan_fit(layer, {x.view(), wanted.view()}, batch));
    fit->error();
    const int64_t channels = weight.master.shape().channels();
    std::vector<float> gradient(static_cast<size_t>(weight.master.elements()));
    for (int64_t step = 0; step < 3; ++step) {
      std::vector<int64_t> chosen;
      for (int64_t i = 0; i < batch; ++i) chosen.push_back((7 * i + step) % images);
      fit->step(chosen, [&](int64_t first, int64_t rows, const float* of_rows) {
        for (int64_t i = 0; i < rows * channels; ++i) {
          gradient[first * channels + i] = of_rows[i];
          weight.effective[first * channels + i] -= 0.01f * of_rows[i];
        }
      });
      gradients.insert(gradients.end(), gradient.begin(), gradient.end());
    }
    error = fit->error();
    set_worker_count(before);
  }

 private:
  static constexpr int64_t images = 50;
  static std::string fit_name(const WeightFit& fit) { return typeid(fit).name(); }
};

std::string net(int64_t size, int64_t in, const std::string& conv, const std::string& after = "") {
  return fmt::format("input: [{0}, {0}, {1}]\nnodes:\n  - conv2d: {{name: c, {2}}}\n{3}", size, in,
                     conv, after);
}
const std::string relu = "  - relu: {name: a}\n", relu6 = "  - relu6: {name: a}\n";

void check(const std::string& nodes, int64_t batch) {
  on_every_target([&](const std::string& target) {
    const Fitted plan(nodes, batch, make_plan_fit, 2);
    for (const int threads : {1, 3}) {
      const Fitted fit(nodes, batch, make_weight_fit, threads);
      BOOST_TEST_CONTEXT(target << ", " << nodes << ", batch " << batch << ", " << threads
                                << " threads") {
        BOOST_TEST(fit.is_fused);
        BOOST_TEST((fit.gradients == plan.gradients));
        BOOST_TEST(std::abs(fit.error - plan.error) < 1e-13 * plan.error);
      }
    }
  });
}

}  // namespace

BOOST_AUTO_TEST_SUITE(convolution_fit)

BOOST_AUTO_TEST_CASE(gradients_have_the_bits_of_a_training_plan) {
  for (const int64_t batch : {1, 13, 32, 45}) {
    check(net(2, 64, "channels: 48, kernel: 1", relu), batch);              // by rows
    check(net(8, 24, "channels: 70, kernel: 1", relu), batch);              // images go together
    check(net(16, 8, "channels: 17, kernel: 1", relu6), batch);             // whole images
    check(net(9, 3, "channels: 33, kernel: 3, stride: 2", relu), batch);    // a stem
    check(net(7, 18, "channels: 18, kernel: 3, groups: 18", relu), batch);  // depthwise
    check(net(6, 12, "channels: 24, kernel: 3, groups: 3"), batch);         // no activation
    check(net(4, 40, "channels: 40, kernel: 3", relu), batch);              // Winograd, parts of 32
  }
}

BOOST_AUTO_TEST_CASE(what_no_kernel_runs_is_fitted_by_a_plan) {
  const std::string leaky = "  - leaky_relu: {name: a}\n";
  const std::string dense =
      "input: [1, 1, 5]\nnodes:\n  - flatten: {name: f}\n  - dense: {name: d, units: 3}\n";
  for (const std::string& nodes : {net(4, 3, "channels: 5, kernel: 1", leaky), dense}) {
    const Fitted one(nodes, 9, make_weight_fit, 1), three(nodes, 9, make_weight_fit, 3);
    BOOST_TEST(!one.is_fused);
    BOOST_TEST((one.gradients == three.gradients));
    BOOST_TEST(one.error == three.error);
  }
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace quantdyn::test
