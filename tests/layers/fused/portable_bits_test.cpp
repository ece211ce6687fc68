// What framework/README.md promises of instruction sets: convolutions, norms and their gradients
// have these bits on every machine with fused multiply-add.
#include "tests/portable_bits.h"

#include <boost/test/unit_test.hpp>

#include "framework/base/simd.h"
#include "tests/every_target.h"
#include "tests/layers/plan_comparison.h"

using namespace quantdyn;
using namespace quantdyn::test;

namespace {

/// Every kernel: direct, strided, grouped, pointwise, depthwise and Winograd's; odd sizes. Dense
/// layers are BLIS's, and a mean over the image is not.
const std::string net_file = R"(
input: [11, 9, 3]
nodes:
  - block: {name: a, channels: 19, norm: true, activation: relu}
  - conv2d: {name: b, channels: 19, kernel: 3, groups: 19, padding: same, stride: 2, bias: false}
  - batch_norm: {name: bn}
  - relu6: {name: br}
  - conv2d: {name: c, channels: 24, kernel: 1, padding: same, bias: true}
  - relu: {name: cr}
  - conv2d: {name: d, channels: 32, kernel: 3, groups: 2, padding: same, bias: true}
  - block: {name: e, channels: 33, norm: true, activation: relu}
  - conv2d: {name: f, channels: 20, kernel: 3, padding: same, stride: 2, bias: true}
  - global_average_pool: {name: pool}
)";

Network make_net() {
  Network out = Network::from_options(Options::from_text(net_file, "net.yaml"));
  uint64_t seed = 10;
  for (const auto& named : out.parameters()) {
    Parameter<float>& p = *named.parameter;
    const std::vector<float> values = portable_values(p.master.elements(), seed++);
    for (int64_t i = 0; i < p.master.elements(); ++i)
      p.master[i] =
          p.name.find("variance") == std::string::npos ? values[i] / 4 : 1 + std::abs(values[i]);
  }
  return out;
}

Tensor<float> images(const Network& net, int64_t count) {
  Tensor<float> out(net.input_shape().batch_of(count));
  std::ranges::copy(portable_values(out.elements(), 2), out.data());
  return out;
}

uint64_t hash_of_all(const std::map<std::string, Tensor<float>>& arrays) {
  std::vector<uint64_t> all;
  for (const auto& [name, array] : arrays) all.push_back(hash_of(array.values()));
  return xxh64(std::as_bytes(std::span(all)));
}

/// Gradients, running statistics and the result of a step on 19 images.
std::map<std::string, Tensor<float>> trained(ConvolutionAlgorithm algorithm) {
  Network net = make_net();
  const Tensor<float> x = images(net, 19);
  TrainingPlan plan(net, Fusing::fused, algorithm, 19);
  std::map<std::string, Tensor<float>> out;
  const View<const float> y = plan.forward(x.view());
  out["y"] = Tensor<float>(y.shape);
  std::ranges::copy(y.values(), out["y"].data());
  const View<float> dy = plan.logits_gradient();
  std::ranges::copy(portable_values(dy.elements(), 3), dy.data);
  plan.backward();
  for (const auto& named : net.parameters())
    out[net.nodes()[named.node].name + "/" + named.parameter->name] =
        named.parameter->trained ? named.parameter->grad : named.parameter->master;
  return out;
}

using Arrays = std::map<std::string, Tensor<float>>;

/// On every instruction set the arrays are at most this far from those of the best one.
template <typename Make>
void check_close(const Make& make, double tolerance) {
  Arrays best;
  on_every_target([&](const std::string& target) {
    const Arrays arrays = make();
    if (best.empty()) best = arrays;
    std::string where;
    const double off = largest_difference(arrays, best, Norm::euclidean, where);
    BOOST_TEST(off <= tolerance, target << ": " << where << " is off by " << off);
  });
}

/// The arrays have this hash where there is a fused multiply-add.
template <typename Make>
void check_bits(const Make& make, uint64_t expected) {
  on_every_target([&](const std::string& target) {
    if (!has_fused_multiply_add(target)) return;
    const uint64_t found = hash_of_all(make());
    BOOST_TEST(found == expected, target << ": " << found);
  });
}

Arrays evaluated(ConvolutionAlgorithm algorithm) {
  const Network net = make_net();
  return taps_of(net, Fusing::fused, images(net, 24).view(), 19, algorithm);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(portable_bits_test)

BOOST_AUTO_TEST_CASE(kernels_run_on_the_target_that_is_chosen) {
  on_every_target([](const std::string& target) { BOOST_TEST(simd_target() == target); });
}

BOOST_AUTO_TEST_CASE(direct_evaluation_has_these_bits_on_every_machine_with_fused_multiply_add) {
  const auto make = [] { return evaluated(ConvolutionAlgorithm::direct); };
  check_bits(make, 15696573039933950599u);
  check_close(make, 1e-5);
}

BOOST_AUTO_TEST_CASE(direct_training_has_these_bits_on_every_machine_with_fused_multiply_add) {
  const auto make = [] { return trained(ConvolutionAlgorithm::direct); };
  check_bits(make, 17980100171043402222u);
  check_close(make, 1e-3);
}

/// Its transforms are rounded otherwise on AVX2 than on AVX-512.
BOOST_AUTO_TEST_CASE(winograd_differs_by_rounding) {
  check_close([] { return evaluated(ConvolutionAlgorithm::winograd); }, 1e-4);
  check_close([] { return trained(ConvolutionAlgorithm::winograd); }, 1e-2);
}

BOOST_AUTO_TEST_SUITE_END()
