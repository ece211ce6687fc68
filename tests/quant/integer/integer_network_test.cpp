// The integer twin: units by hand, and whole nets within an LSB of their simulation.
#include "quant/integer/integer_network.h"

#include <boost/test/unit_test.hpp>

#include "framework/run/evaluator.h"
#include "quant/folding/linear_pairs.h"
#include "quant/schemes/selection.h"
#include "tests/quant/helpers.h"

namespace quantdyn::test {
namespace {

/// A folded net with everything quantized, ranges from 16 images.
struct Quantized {
  FoldedNetwork folded;
  Network& network = folded.network;
  QuantizedTensors tensors;
  std::map<int, IntegerBias> biases;
  std::unique_ptr<Evaluator> evaluator;
  Tensor<float> images;

  Quantized(const Network& trained, const std::string& weights, const std::string& outputs)
      : folded(fold_network(trained)), images(images_of(network)) {
    const auto of_weights = scheme("{quantizer: " + weights + "}");
    const auto of_outputs = scheme("{quantizer: " + outputs + "}");
    evaluator = std::make_unique<Evaluator>(network, Fusing::fused, ConvolutionAlgorithm::direct,
                                            Keep::all);
    std::map<int, std::unique_ptr<SchemeObserver>> observers;
    for (int unit = 0; unit < static_cast<int>(network.units().size()); ++unit) {
      if (network.units()[unit].kind == "flatten") continue;
      observers[unit] = std::make_unique<SchemeObserver>(
          *of_outputs, "o", network.nodes()[network.units()[unit].last].shape.channels());
      evaluator->tap(unit, TapKind::output).before.push_back(observers[unit].get());
    }
    evaluator->run(images.view(), 16, 0, {});
    evaluator->clear_taps();
    for (auto& [unit, observer] : observers) {
      tensors[{unit, TensorRole::output}] = observer->quantize();
      evaluator->tap(unit, TapKind::output).transform =
          tensors[{unit, TensorRole::output}].quantization.get();
    }
    for (int unit : units_with_weight(network)) {
      tensors[{unit, TensorRole::weight}] =
          quantize_weight(*of_weights, "w", *linear_of(network, unit).weight);
      int source = network.nodes()[network.nodes()[network.units()[unit].leader].inputs[0]].unit;
      if (network.units()[source].kind == "flatten") --source;
      biases[unit] = round_bias("b", linear_of(network, unit),
                                *tensors[{source, TensorRole::output}].quantization,
                                *tensors[{unit, TensorRole::weight}].quantization);
    }
    evaluator->prepare();
  }
  IntegerParts parts() const {
    IntegerParts out;
    for (const auto& [id, tensor] : tensors) {
      if (id.role == TensorRole::output)
        out.outputs[id.unit] = tensor.quantization.get();
      else
        out.weights[id.unit] = {tensor.quantization.get(), &tensor.codes, &biases.at(id.unit)};
    }
    return out;
  }
  /// Codes of every unit as simulated, of image 0.
  UnitCodes simulated(const IntegerNetwork& integer) const {
    evaluator->run_chunk(images.view().slice(0, 8), 8, 0, 0);
    UnitCodes out;
    for (int unit = 0; unit < integer.units(); ++unit) {
      const View<const float> values = std::as_const(*evaluator).output(unit, 0).slice(0, 1);
      out.emplace_back(values.elements());
      integer.coding(unit).codes(whole_tile(values), out.back().data());
    }
    return out;
  }
};

constexpr const char* varied = R"(
input: [9, 9, 3]
nodes:
  - block: {name: conv1, channels: 8, activation: relu6}
  - separable: {name: sep2, channels: 12, stride: 2, between_activation: false}
  - block: {name: grouped, channels: 6, groups: 2}
  - average_pool: {name: averages, kernel: 3, stride: 1, padding: same}
  - max_pool: {name: largest}
  - relu: {name: act}
  - flatten: {name: flat}
  - dense: {name: logits, units: 4}
)";

/// small_network() with clips that end elsewhere in each channel.
Network uneven_clips() {
  Network net = small_network("channel_clip");
  for (int i = 1; i < static_cast<int>(net.nodes().size()); ++i)
    if (ChannelEnds<float>* const ends = net.layer(i)->channel_ends())
      for (int64_t c = 0; c < ends->high->master.elements(); ++c)
        ends->high->master[c] = 0.25f * static_cast<float>(c + 1);
  return net;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(integer_network)

BOOST_AUTO_TEST_CASE(every_unit_is_within_an_lsb_of_its_simulation) {
  for (const std::string weights :
       {"affine", "{name: affine, granularity: per_channel, symmetric: true}"})
    for (const std::string outputs : {"affine", "{name: affine, signed: true, bit_width: 6}"})
      for (const Network& trained :
           {network_of(varied), small_network(), small_network("relu6"), uneven_clips()}) {
        const Quantized quantized(trained, weights, outputs);
        const IntegerNetwork integer(quantized.network, quantized.parts());
        const UnitCodes simulated = quantized.simulated(integer);
        for (const auto rounding : {FixedPointRounding::single, FixedPointRounding::twice})
          for (int unit = 1; unit < integer.units(); ++unit) {
            std::vector<int32_t> codes(simulated[unit].size());
            int64_t largest_sum = 0;
            integer.unit(unit)->run(simulated, codes, rounding, largest_sum);
            if (quantized.network.units()[unit].kind == "max_pool") BOOST_TEST(largest_sum == 0);
            int32_t gap = 0;
            int equal = 0;
            for (size_t i = 0; i < codes.size(); ++i) {
              gap = std::max(gap, std::abs(codes[i] - simulated[unit][i]));
              equal += codes[i] == simulated[unit][i];
            }
            BOOST_TEST(gap <= 1, quantized.network.units()[unit].name << " " << gap);
            if (rounding == FixedPointRounding::single)
              BOOST_TEST(equal >= 0.9 * static_cast<double>(codes.size()),
                         quantized.network.units()[unit].name);
          }
      }
}

BOOST_AUTO_TEST_CASE(a_dense_layer_by_hand) {
  const Network net = network_of(
      "{input: [1, 1, 2], nodes: [{flatten: {name: flat}}, {dense: {name: logits, units: 1}}]}");
  const auto input = quantizer("affine")->fit({"x", 1, {{-1, 1.55}}, {}});  // 0.01, zero point 100
  const auto weight = quantizer("{name: affine, symmetric: true}")->fit({"w", 1, {{-1, 1.27}}, {}});
  const auto output = quantizer("affine")->fit({"y", 1, {{0, 2.55}}, {}});
  Tensor<int32_t> codes({2, 1});
  codes[0] = 50;
  codes[1] = -20;
  IntegerBias bias;
  bias.codes = Tensor<int32_t>({1});
  bias.codes[0] = 1000;
  const IntegerNetwork integer(
      net, {{{0, input.get()}, {2, output.get()}}, {{2, {weight.get(), &codes, &bias}}}});
  UnitCodes values{{150, 90}, {0, 0}, {0}};
  int64_t largest = 0;
  integer.unit(1)->run(values, values[1], FixedPointRounding::single, largest);
  BOOST_TEST(values[1] == values[0]);
  integer.unit(2)->run(values, values[2], FixedPointRounding::single, largest);
  BOOST_TEST(largest == 50 * 50 + 10 * 20 + 1000);
  BOOST_TEST(values[2][0] == 37);  // 3700 0.01 0.01 / 0.01
}

BOOST_AUTO_TEST_CASE(every_kind_of_unit_has_an_integer_form) {
  for (const Network& net : {small_network(), network_of(varied)})
    for (int unit = 0; unit < static_cast<int>(net.units().size()); ++unit)
      BOOST_TEST(no_integer_form(net, unit) == "");
}

BOOST_AUTO_TEST_CASE(units_without_an_integer_form_name_the_node) {
  const Network net = network_of(R"(
input: [4, 4, 2]
nodes:
  - block: {name: a, channels: 2, activation: sigmoid}
  - multiply: {name: product, inputs: [a, a]}
  - global_average_pool: {name: logits}
)");
  const std::string accepted =
      "; accepted: convolutions, dense, pools, add, flatten, and of activations clips such as relu "
      "and relu6";
  BOOST_TEST(no_integer_form(net, 1) ==
             "has no form in integers: 'a.activation' (sigmoid)" + accepted);
  BOOST_TEST(no_integer_form(net, 2) == "has no form in integers: 'product' (multiply)" + accepted);
  BOOST_TEST(contains(error_of<Error>([&] {
                        IntegerNetwork(net, IntegerParts{{{0, nullptr}}, {}});
                      }),
                      "unit 'a' has no form in integers"));
}

BOOST_AUTO_TEST_CASE(codes_pass_max_pools_and_flatten_and_clips_after_them) {
  const Network net = network_of(R"(
input: [8, 8, 2]
nodes:
  - max_pool: {name: plain}
  - max_pool: {name: clipped}
  - relu6: {name: six}
  - max_pool: {name: curved}
  - sigmoid: {name: s}
  - global_average_pool: {name: mean}
  - flatten: {name: logits}
)");
  const auto passes = [&](const char* name) { return passes_codes(net, unit_of(net, name)); };
  BOOST_TEST(passes("plain"));
  BOOST_TEST(passes("clipped"));
  BOOST_TEST(!passes("curved"));
  BOOST_TEST(!passes("mean"));
  BOOST_TEST(passes("logits"));
  BOOST_TEST(!passes("input"));
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace quantdyn::test
