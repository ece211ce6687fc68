// What framework/README.md promises of instruction sets: convolutions, norms and their gradients
// have these bits on every machine with fused multiply-add.
#include <boost/test/unit_test.hpp>

#include "framework/base/simd.h"
#include "tests/layers/plan_comparison.h"
#include "tests/portable_steps.h"

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

Arrays trained(ConvolutionAlgorithm algorithm) {
  Network net = portable_net(net_file);
  TrainingPlan plan(net, Fusing::fused, algorithm, 19);
  return portable_step(net, plan, 19);
}

Arrays evaluated(ConvolutionAlgorithm algorithm) {
  const Network net = portable_net(net_file);
  return taps_of(net, Fusing::fused, portable_images(net, 24).view(), 19, algorithm);
}

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

BOOST_AUTO_TEST_CASE(winograd_has_these_bits_on_every_machine_with_fused_multiply_add) {
  const auto evaluate = [] { return evaluated(ConvolutionAlgorithm::winograd); };
  const auto train = [] { return trained(ConvolutionAlgorithm::winograd); };
  check_bits(evaluate, 5472739913700740567u);
  check_bits(train, 14720248288382888558u);
  check_close(evaluate, 1e-4);
  check_close(train, 1e-2);
}

BOOST_AUTO_TEST_SUITE_END()
