// What framework/README.md promises of instruction sets: a training step through quantizers has
// these bits on every machine with fused multiply-add.
#include <boost/test/unit_test.hpp>

#include "quant/training/quantization_training.h"
#include "tests/portable_steps.h"

namespace quantdyn::test {
namespace {

/// Pointwise convolutions whose norm is folded by moments of the input (b), or not (d), a depthwise
/// one and an ordinary one. Dense layers are BLIS's.
const std::string net_file = R"(
input: [9, 7, 3]
nodes:
  - block: {name: a, channels: 19, norm: true, activation: relu}
  - conv2d: {name: b, channels: 33, kernel: 1, bias: false}
  - batch_norm: {name: bn}
  - relu: {name: br}
  - conv2d: {name: c, channels: 33, kernel: 3, groups: 33, padding: same, stride: 2, bias: false}
  - batch_norm: {name: cn}
  - relu6: {name: cr}
  - conv2d: {name: d, channels: 7, kernel: 1, bias: false}
  - batch_norm: {name: dn}
  - relu: {name: dr}
  - conv2d: {name: e, channels: 20, kernel: 3, padding: same, bias: true}
  - global_average_pool: {name: pool}
)";

/// A step, and the gradients of the learned ranges.
Arrays trained(const std::string& section) {
  Network net = portable_net(net_file);
  const Options root = Options::from_text(
      "variants: [{name: a, weights: {quantizer: {name: affine, bit_width: 4, granularity: "
      "per_channel}}, activations: {quantizer: {name: affine, bit_width: 5}}}]",
      "test.yaml");
  const std::vector<Variant> variants = read_variants(root.list("variants", ""), net, {100, 100});
  const auto settings = QuantizationTrainingSettings::read(Options::from_text(section, "test.yaml"),
                                                           variants, net, 10);
  std::map<int, std::vector<Range>> ranges;
  for (int unit = 0; unit < static_cast<int>(net.units().size()); ++unit) ranges[unit] = {{-1, 2}};
  QuantizationTraining training(net, settings, ranges);
  TrainingPlan plan(net, Fusing::fused, ConvolutionAlgorithm::direct, 19, training.additions());
  Arrays out = portable_step(net, plan, 19);
  int64_t i = 0;
  for (const Parameter<float>* parameter : training.parameters())
    out["learned" + std::to_string(i++)] = parameter->grad;
  return out;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(portable_bits_of_training)

BOOST_AUTO_TEST_CASE(steps_through_quantizers_have_these_bits) {
  const std::pair<std::string, uint64_t> expected[] = {
      {"{variant: a, folding: batch}", 16248559748817970536u},
      {"{variant: a, folding: batch, weights: lsq, activations: lsq}", 9482359678670036803u},
      {"{variant: a, folding: running, activations: pact}", 8011927759212484694u}};
  for (const auto& step : expected) BOOST_TEST_CONTEXT(step.first) {
      check_bits([&] { return trained(step.first); }, step.second);
    }
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace quantdyn::test
