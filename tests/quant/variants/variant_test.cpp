// Reading `variants:` and refusing what cannot be.
#include "quant/variants/variant.h"

#include <boost/test/unit_test.hpp>

#include "quant/variants/places.h"
#include "tests/quant/helpers.h"

namespace quantdyn::test {
namespace {

std::vector<Variant> read(const std::string& yaml) {
  const Options root = Options::from_text(yaml, "test.yaml");
  return read_variants(root.list("variants", ""), small_network(), {1000, 1000});
}
std::string error(const std::string& yaml) {
  return error_of<ConfigError>([&] { read(yaml); });
}
const UnitSchemes& at(const Variant& variant, const std::string& node) {
  return variant.units[unit_of(small_network(), node)];
}
int weight_bits(const Variant& variant, const std::string& node) {
  return at(variant, node).weight->quantizer->bit_width();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(variants)

BOOST_AUTO_TEST_CASE(schemes_places_and_calibration_are_read) {
  const auto variants = read(R"(
variants:
  - name: int8
    weights: {estimator: minmax, quantizer: {name: affine, bit_width: 4, granularity: per_channel}}
    activations:
      estimator: {name: percentile, p: 99.9}
      quantizer: affine
      places: {input: false, add_inputs: false, block_outputs: false}
    calibration: {images: 64, choice: balanced, seed: 3, convergence: [8, 64]}
  - name: weights only
    weights: {quantizer: affine}
)");
  BOOST_TEST(variants.size() == 2);
  const Variant& first = variants[0];
  BOOST_TEST(first.name == "int8");
  BOOST_TEST(weight_bits(first, "sep2_pw") == 4);
  BOOST_TEST((at(first, "conv1").weight->quantizer->granularity() == Granularity::per_channel()));
  BOOST_TEST(at(first, "conv1").weight == at(first, "logits").weight);
  BOOST_TEST(!at(first, "pool").weight);
  BOOST_TEST(at(first, "logits").output->quantizer->bit_width() == 8);
  BOOST_TEST(first.calibration.images == 64);
  BOOST_TEST((first.calibration.order == CalibrationChoice::Order::balanced));
  BOOST_TEST(first.calibration.seed == 3);
  BOOST_TEST(first.calibration.convergence == (std::vector<int64_t>{8, 64}));
  BOOST_TEST(!at(first, "input").output);
  BOOST_TEST(!at(first, "conv1").output);
  BOOST_TEST(at(first, "res3").output);
  BOOST_TEST(at(first, "pool").output);
  BOOST_TEST(first.quantizes_weights());
  BOOST_TEST(first.quantizes_activations());
  BOOST_TEST(!variants[1].quantizes_activations());
  BOOST_TEST(variants[1].calibration.images == 0);
}

BOOST_AUTO_TEST_CASE(defaults_are_every_place_and_512_images) {
  const auto variants = read("variants: [{name: a, activations: {}}]");
  for (const UnitSchemes& unit : variants[0].units) BOOST_TEST(unit.output);
  BOOST_TEST(variants[0].calibration.images == 512);
  BOOST_TEST(!variants[0].quantizes_weights());
}

BOOST_AUTO_TEST_CASE(each_place_has_its_key) {
  const Network net = small_network();
  // What only this place quantizes: an output that feeds an add is a block's output too.
  const std::pair<const char*, std::vector<std::string>> keys[] = {
      {"input", {"input"}},       {"block_outputs", {"conv1", "sep2_dw", "res3_1"}},
      {"add_inputs", {}},         {"add_outputs", {"res3"}},
      {"pool_outputs", {"pool"}}, {"logits", {"logits"}}};
  for (const auto& [key, nodes] : keys) {
    const auto variants =
        read(std::string("variants: [{name: a, activations: {places: {") + key + ": false}}}]");
    for (const Unit& unit : net.units())
      BOOST_TEST(!at(variants[0], unit.name).output ==
                     (std::ranges::find(nodes, unit.name) != nodes.end()),
                 key << " " << unit.name);
  }
  const auto only = read(
      "variants: [{name: a, activations: {places: {input: false, block_outputs: false, "
      "add_outputs: false, pool_outputs: false, logits: false}}}]");
  for (const Unit& unit : net.units())
    BOOST_TEST(!at(only[0], unit.name).output == (unit.name != "res3_2" && unit.name != "sep2_pw"));
}

BOOST_AUTO_TEST_CASE(outputs_of_products_and_gates_are_those_of_blocks) {
  const Network net = network_of(R"(
input: [4, 4, 2]
nodes:
  - block: {name: a, channels: 3}
  - global_average_pool: {name: squeeze}
  - dense: {name: gate, units: 3}
  - sigmoid: {name: s}
  - multiply: {name: product, inputs: [a, s]}
  - global_average_pool: {name: pool}
  - dense: {name: logits, units: 2}
)");
  for (const char* name : {"a", "gate", "product"})
    BOOST_TEST((places_of(net, unit_of(net, name)) == std::vector{Place::block_output}), name);
  BOOST_TEST((places_of(net, unit_of(net, "squeeze")) == std::vector{Place::pool_output}));
}

BOOST_AUTO_TEST_CASE(overrides_change_what_they_name_and_keep_the_rest) {
  const Variant v = read(R"(
variants:
  - name: mixed
    weights: {quantizer: {name: affine, bit_width: 4, symmetric: true}}
    activations: {quantizer: affine}
    overrides:
      - {nodes: [first, last], bit_width: 16}
      - {kinds: depthwise, weights: {quantizer: {granularity: per_channel}}}
      - {nodes: "res3*", weights: {quantizer: none}, activations: {estimator: percentile}}
      - {nodes: res3_2, weights: {quantizer: {name: affine, bit_width: 3}}}
      - {nodes: "*", kinds: [pointwise, conv2d], activations: {quantizer: {bit_width: 6}}}
)")[0];
  BOOST_TEST(weight_bits(v, "conv1") == 16);
  BOOST_TEST(weight_bits(v, "logits") == 16);
  BOOST_TEST(weight_bits(v, "sep2_dw") == 4);
  BOOST_TEST(weight_bits(v, "sep2_pw") == 4);
  BOOST_TEST((at(v, "sep2_dw").weight->quantizer->granularity() == Granularity::per_channel()));
  BOOST_TEST((at(v, "sep2_pw").weight->quantizer->granularity() == Granularity::per_tensor()));
  BOOST_TEST(at(v, "sep2_dw").weight->quantizer->width({-1, 3}) == 6);  // still symmetric
  BOOST_TEST(!at(v, "res3_1").weight);
  BOOST_TEST(weight_bits(v, "res3_2") == 3);
  BOOST_TEST(at(v, "logits").output->quantizer->bit_width() == 16);
  BOOST_TEST(at(v, "conv1").output->quantizer->bit_width() == 6);
  BOOST_TEST(at(v, "sep2_dw").output->quantizer->bit_width() == 8);
  BOOST_TEST(contains(at(v, "res3").output->text, "estimator: {name: percentile, p: 99.99}"));
  BOOST_TEST(contains(at(v, "conv1").output->text, "estimator: {name: minmax}"));
}

BOOST_AUTO_TEST_CASE(an_override_can_switch_a_tensor_on_alone) {
  const Variant v = read(
      "variants: [{name: a, overrides: [{nodes: sep2_dw, weights: {quantizer: {bit_width: 5}}}, "
      "{nodes: [sep2_dw, last], bit_width: 6}]}]")[0];
  BOOST_TEST(weight_bits(v, "sep2_dw") == 6);
  for (const UnitSchemes& unit : v.units) BOOST_TEST(!unit.output);
  BOOST_TEST(!at(v, "logits").weight);
}

BOOST_AUTO_TEST_CASE(schemes_that_a_node_cannot_take_are_refused_with_the_node) {
  BOOST_TEST(
      contains(error("variants:\n - name: a\n   activations: {quantizer: {name: affine, profile: "
                     "tflite}}\n   overrides:\n    - {nodes: sep2_dw, activations: {quantizer: "
                     "{granularity: per_channel}}}\n"),
               "test.yaml:5: quantizer: node 'sep2_dw': "));
}

BOOST_AUTO_TEST_CASE(bit_widths_make_one_variant_each) {
  const auto variants = read(
      "variants: [{name: a, weights: {quantizer: {name: affine, bit_width: 7}}, activations: {}, "
      "overrides: [{nodes: last, bit_width: 16}], bit_widths: [8, 4]}]");
  BOOST_TEST(variants.size() == 2);
  BOOST_TEST(variants[0].name == "a-8");
  BOOST_TEST(variants[1].name == "a-4");
  BOOST_TEST(weight_bits(variants[1], "conv1") == 4);
  BOOST_TEST(at(variants[1], "pool").output->quantizer->bit_width() == 4);
  BOOST_TEST(weight_bits(variants[1], "logits") == 16);
}

BOOST_AUTO_TEST_CASE(overrides_that_change_nothing_are_refused) {
  const auto with = [](const std::string& override) {
    return error("variants:\n - name: a\n   weights: {}\n   overrides:\n    - " + override + "\n");
  };
  BOOST_TEST(contains(with("{weights: {}}"), "test.yaml:5: does not say which nodes it is for"));
  BOOST_TEST(
      contains(with("{nodes: conv9, bit_width: 4}"),
               "test.yaml:5: nodes: 'conv9' is not in the net; accepted: first, last, input, "
               "conv1, sep2_dw"));
  BOOST_TEST(
      contains(with("{kinds: conv3d, bit_width: 4}"),
               "kinds: 'conv3d' is not in the net; accepted: add, conv2d, dense, depthwise"));
  BOOST_TEST(contains(with("{nodes: conv1, kinds: dense, bit_width: 4}"),
                      "no node matches both `nodes` and `kinds`"));
  BOOST_TEST(contains(with("{nodes: conv1}"), "changes nothing; expected `weights`"));
  BOOST_TEST(contains(with("{nodes: pool, bit_width: 4}"),
                      "none of these nodes has a weight that this variant quantizes"));
  BOOST_TEST(contains(with("{nodes: pool, weights: {quantizer: none}}"),
                      "weights: none of these nodes has a weight"));
  BOOST_TEST(contains(with("{nodes: conv1, weights: {quantizer: {bit_with: 4}}}"),
                      "test.yaml:5: bit_with: unknown key"));
  BOOST_TEST(contains(with("{nodes: conv1, bit_width: 4, weights: {}}"),
                      "bit_width: is given with `weights`"));
  BOOST_TEST(contains(with("{nodes: conv1, weights: {places: {}}}"), "places: unknown key"));
  BOOST_TEST(contains(
      error("variants: [{name: a, weights: {}, activations: {places: {pool_outputs: false}}, "
            "overrides: [{nodes: pool, activations: {estimator: percentile}}]}]"),
      "activations: none of these nodes has an output that this variant quantizes"));
}

BOOST_AUTO_TEST_CASE(an_optional_override_is_passed_over_where_the_net_has_no_such_kind) {
  const auto with = [](const std::string& override) {
    return "variants:\n - name: a\n   weights: {}\n   overrides:\n    - " + override + "\n";
  };
  const Variant v = read(with("{kinds: [grouped, depthwise], optional: true, bit_width: 4}"))[0];
  BOOST_TEST(weight_bits(v, "sep2_dw") == 4);
  BOOST_TEST(weight_bits(v, "sep2_pw") == 8);
  BOOST_TEST(
      weight_bits(read(with("{kinds: grouped, optional: true, bit_width: 4}"))[0], "conv1") == 8);
  BOOST_TEST(contains(error(with("{kinds: depthwize, optional: true, bit_width: 4}")),
                      "kinds: 'depthwize' is not in the net"));
  BOOST_TEST(contains(error(with("{nodes: conv9, optional: true, bit_width: 4}")),
                      "nodes: 'conv9' is not in the net"));
  BOOST_TEST(contains(error(with("{optional: true, bit_width: 4}")),
                      "does not say which nodes it is for"));
}

BOOST_AUTO_TEST_CASE(int32_biases_need_the_scales_of_the_products) {
  const auto variants = read("variants: [{name: a, weights: {}, activations: {}, bias: int32}]");
  BOOST_TEST((variants[0].bias == Variant::Bias::int32));
  BOOST_TEST(variants[0].quantized_source(small_network(), unit_of(small_network(), "logits")) ==
             unit_of(small_network(), "pool"));
  BOOST_TEST(contains(error("variants: [{name: a, weights: {}, bias: int32}]"),
                      "bias: int32 needs the scales of what 'conv1' multiplies: its input is not "
                      "quantized"));
  BOOST_TEST(contains(error("variants: [{name: a, weights: {}, activations: {}, bias: int32, "
                            "overrides: [{nodes: last, weights: {quantizer: none}}]}]"),
                      "'logits' multiplies: its weight must be quantized"));
  BOOST_TEST(
      contains(error("variants: [{name: a, weights: {}, activations: {quantizer: {name: affine, "
                     "granularity: per_channel}}, bias: int32}]"),
               "the output of 'input' must be quantized by an affine quantizer, per tensor"));
}

BOOST_AUTO_TEST_CASE(repairs_are_read_and_what_cannot_be_is_refused) {
  const Repairs repairs = read(R"(
variants:
  - name: a
    weights: {}
    repairs: {dead_channels: {variance: 1e-5}, equalize: {}, absorb: {deviations: 2}, correct_bias: {}}
)")[0]
                              .repairs;
  BOOST_TEST(repairs.dead_channels->variance == 1e-5);
  BOOST_TEST(repairs.equalization->pairs.size() == 3);
  BOOST_TEST(repairs.absorption->deviations == 2);
  BOOST_TEST((repairs.bias_correction->method == BiasCorrection::Method::empirical));
  BOOST_TEST(!repairs.adaround.has_value());
  const auto with = [](const std::string& tensors, const std::string& repairs_given) {
    return error("variants: [{name: a, " + tensors + ", repairs: " + repairs_given + "}]");
  };
  BOOST_TEST(contains(with("weights: {}", "{equalise: {}}"),
                      "equalise: unknown key; accepted here: equalize, dead_channels, absorb, "
                      "correct_bias, adaround, recalibrate"));
  BOOST_TEST(
      contains(with("weights: {}", "{equalize: {nodes: res3_2}}"),
               "nodes: 'res3_2' cannot be equalized: equalization needs a layer with weights "
               "whose output only one other such layer reads"));
  BOOST_TEST(contains(with("weights: {}", "{adaround: {}, correct_bias: {}}"),
                      "correct_bias: adaround repairs what bias correction would"));
  BOOST_TEST(contains(with("activations: {}", "{adaround: {}}"), "need quantized `weights`"));
  BOOST_TEST(contains(with("weights: {}", "{recalibrate: true}"), "recalibrate needs both"));
}

BOOST_AUTO_TEST_CASE(names_must_be_unique_and_fit_the_file) {
  BOOST_TEST(contains(error("variants:\n - {name: a, weights: {}}\n - {name: a, weights: {}}\n"),
                      "test.yaml:3: name: 'a' is the name of an earlier variant"));
  BOOST_TEST(contains(error("variants: [{name: a-8, weights: {}}, {name: a, weights: {}, "
                            "bit_widths: 8}]"),
                      "'a-8' is the name of an earlier variant"));
  for (const char* name : {"float32", "a/b", "''", ".hidden", "\"a\\tb\""})
    BOOST_TEST(contains(error(std::string("variants: [{name: ") + name + ", weights: {}}]"),
                        "cannot name a variant"));
  BOOST_TEST(contains(error("variants: [{weights: {}}]"), "test.yaml:1: name: missing"));
}

BOOST_AUTO_TEST_CASE(variant_that_quantizes_nothing_is_refused) {
  BOOST_TEST(contains(error("variants: [{name: a}]"), "variant 'a' quantizes nothing"));
  BOOST_TEST(contains(error("variants: [{name: a, weights: {quantizer: none}}]"),
                      "variant 'a' quantizes nothing"));
  BOOST_TEST(contains(
      error("variants: [{name: a, activations: {places: {input: false, block_outputs: false, "
            "add_inputs: false, add_outputs: false, pool_outputs: false, logits: false}}}]"),
      "places: all are false"));
  BOOST_TEST(contains(error("variants: [{name: a, weights: {}, calibration: {images: 8}}]"),
                      "calibration: nothing is calibrated"));
}

BOOST_AUTO_TEST_CASE(bad_keys_and_values_are_refused_with_their_line) {
  BOOST_TEST(contains(error("variants:\n - name: a\n   weights:\n     quantiser: affine\n"),
                      "test.yaml:4: quantiser: unknown key"));
  BOOST_TEST(contains(error("variants:\n - name: a\n   weights: {}\n   bias: int16\n"),
                      "test.yaml:4: bias: unknown value 'int16'; accepted: float32, int32"));
  BOOST_TEST(contains(error("variants:\n - name: a\n   weights: {}\n   biases: int32\n"),
                      "test.yaml:4: biases: unknown key"));
  BOOST_TEST(
      contains(error("variants:\n - name: a\n   activations: {}\n   calibration: {images: 0}\n"),
               "test.yaml:4: images: 0 is out of range; accepted: a whole number at least 1"));
  BOOST_TEST(contains(error("variants:\n - name: a\n   activations: {}\n   calibration: {choice: "
                            "first, seed: 1}\n"),
                      "test.yaml:4: seed: has no meaning with choice: first"));
  BOOST_TEST(contains(error("variants: [{name: a, activations: {}, calibration: {choice: last}}]"),
                      "accepted: shuffle, first, balanced"));
  BOOST_TEST(contains(error("variants:\n  - name: a\n    weights: {quantizer: ternary}\n    "
                            "overrides:\n      - {nodes: first, bit_width: 8}\n"),
                      "test.yaml:5: bit_width: unknown key"));
  for (const char* numbers : {"[8, 8]", "[16, 8]", "[8, 513]", "[0]"})
    BOOST_TEST(contains(error(fmt::format("variants: [{{name: a, activations: {{}}, calibration: "
                                          "{{convergence: {}}}}}]",
                                          numbers)),
                        "test.yaml:1: convergence: "));
  BOOST_TEST(contains(error("variants: [{name: a, weights: {}, repairs: {correct_bias: {}}, "
                            "calibration: {convergence: [8]}}]"),
                      "convergence: records ranges of activations"));
  BOOST_TEST(
      contains(error("variants:\n - name: a\n   weights:\n     quantizer:\n       name: affine\n"
                     "       bit_width: 99\n"),
               "test.yaml:6: bit_width: 99 is out of range"));
  BOOST_TEST(contains(error("variants: [{name: a, weights: {quantizer: median}}]"),
                      "unknown name 'median'; accepted: affine"));
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace quantdyn::test
