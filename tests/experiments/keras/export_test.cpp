// Nets written for Keras: they come back with the same bits, and what Keras lacks is refused.
#include "experiments/keras/export.h"

#include <boost/test/unit_test.hpp>

#include "experiments/keras/import.h"
#include "framework/h5/h5.h"
#include "tests/experiments/logits.h"
#include "tests/experiments/output_folder.h"
#include "tests/experiments/small_nets.h"
#include "tests/layers/plan_comparison.h"

using namespace quantdyn;
using namespace quantdyn::test;

namespace {

struct Folder : OutputFolder {
  Folder() { std::filesystem::create_directories(path); }
  std::filesystem::path file = path / "model.h5";

  Network back(const Network& network) const {
    export_keras(network, "a model", file);
    return import_keras(file);
  }
};

Network net_of(const std::string& nodes) {
  const Options document = Options::from_text("input: [10, 9, 4]\nnodes:\n" + nodes, "test.yaml");
  return with_values(Network::from_options(document));
}

bool same_logits(const Network& a, const Network& b) {
  const Tensor<float> x = random_tensor(a.input_shape().batch_of(11), Rng(8));
  const Tensor<float> of_a = logits_of(a, x.view()), of_b = logits_of(b, x.view());
  return std::ranges::equal(of_a.values(), of_b.values());
}

/// Unit by unit "name kind".
std::vector<std::string> units_of(const Network& network) {
  std::vector<std::string> out;
  for (const Unit& unit : network.units())
    out.push_back(fmt::format("{} {} norm {} activation {}", unit.name, unit.kind, unit.norm >= 0,
                              unit.activation >= 0));
  return out;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(keras_export_test, Folder)

BOOST_AUTO_TEST_CASE(every_network_file_comes_back_with_its_units_and_bits) {
  for (const Case& c : small_nets) {
    const Network network = with_values(c), again = back(network);
    BOOST_TEST(units_of(again) == units_of(network), boost::test_tools::per_element());
    BOOST_TEST(again.trained_count() == network.trained_count(), c);
    BOOST_TEST(same_logits(network, again), c);
  }
}

BOOST_AUTO_TEST_CASE(every_kind_of_padding_comes_back) {
  const std::string end = "  - flatten: {name: flat}\n  - dense: {name: logits, units: 3}\n";
  const std::string windows[] = {
      "conv2d: {name: w, channels: 3, kernel: [3, 4], stride: [2, 1], padding: same}",
      "conv2d: {name: w, channels: 3, kernel: [3, 4], stride: [2, 1], padding: valid}",
      "conv2d: {name: w, channels: 3, kernel: [3, 4], stride: [2, 1], padding: [0, 1, 3, 2]}",
      "conv2d: {name: w, channels: 4, groups: 4, kernel: 3, stride: 2, padding: 1}",
      "conv2d: {name: w, channels: 8, groups: 4, kernel: 3, padding: 1}",
      "max_pool: {name: w, kernel: 3, stride: 2, padding: same}",
      "max_pool: {name: w, kernel: 3, stride: 2, padding: [1, 0, 2, 1]}",
      "average_pool: {name: w, kernel: 3, stride: 2, padding: same}",
      "average_pool: {name: w, kernel: 3, stride: 2, padding: [1, 0, 2, 1], count_padding: true}",
      "average_pool: {name: w, kernel: 3, padding: same, count_padding: true}",
  };
  for (const std::string& window : windows) {
    const Network network = net_of("  - relu: {name: r}\n  - " + window + "\n" + end),
                  again = back(network);
    BOOST_TEST(same_logits(network, again), window);
    BOOST_TEST((again.shape_of("w") == network.shape_of("w")), window);
  }
}

BOOST_AUTO_TEST_CASE(options_of_norms_come_back) {
  const Network network = net_of(
      "  - conv2d: {name: c, channels: 2, kernel: 1, bias: false}\n"
      "  - batch_norm: {name: n, epsilon: 0.003, momentum: 0.07}\n"
      "  - relu6: {name: a}\n"
      "  - global_average_pool: {name: p}\n");
  const Network again = back(network);
  const ChannelAffine<float>& norm = *again.layer(again.units()[1].norm)->channel_affine();
  BOOST_TEST(norm.epsilon == 0.003);
  BOOST_TEST(norm.momentum == 0.07);
  BOOST_TEST(again.layer(1)->linear()->bias->master.empty());
  BOOST_TEST(again.nodes()[again.units()[1].activation].kind == "relu6");
}

BOOST_AUTO_TEST_CASE(weights_lie_in_the_order_of_keras_layers) {
  const Network network = net_of(
      "  - conv2d: {name: stem, channels: 4, kernel: 3}\n"
      "  - conv2d: {name: short, channels: 4, kernel: 1}\n"
      "  - conv2d: {name: a, channels: 4, kernel: 3, inputs: stem}\n"
      "  - relu: {name: a_relu}\n"
      "  - conv2d: {name: b, channels: 4, kernel: 3, padding: 1, stride: 2}\n"
      "  - conv2d: {name: side, channels: 4, kernel: 1, stride: 2, inputs: short}\n"
      "  - add: {name: sum, inputs: [side, b]}\n"
      "  - global_average_pool: {name: pool}\n"
      "  - dense: {name: logits, units: 10}\n");
  BOOST_TEST(same_logits(network, back(network)));
  const h5::File exported = h5::File::open(file);
  // [layer.name for layer in keras.models.load_model(file).layers], Keras 3.15
  const std::vector<std::string> order = {"input", "stem", "a",   "a_relu", "short", "b_padding",
                                          "side",  "b",    "sum", "pool",   "logits"};
  BOOST_TEST(exported.group("model_weights").texts("layer_names") == order);
}

BOOST_AUTO_TEST_CASE(what_keras_has_no_layer_for_is_refused) {
  const auto refusal = [&](const std::string& nodes) {
    return error_of<ConfigError>([&] { export_keras(net_of(nodes), "m", file); });
  };
  BOOST_TEST(refusal("  - max_pool: {name: w, kernel: 3, padding: 1}\n") ==
             "node 'w' (max_pool): Keras has no layer for it: found padding [1, 1, 1, 1] that does "
             "not count as zeros; accepted: same, valid, any after a relu");
  BOOST_TEST(refusal("  - average_pool: {name: w, kernel: 3, padding: 1}\n") ==
             "node 'w' (average_pool): Keras has no layer for it: found padding [1, 1, 1, 1] that "
             "does not count as zeros; accepted: same, valid, any with count_padding: true");
  BOOST_TEST(contains(refusal("  - hard_swish: {name: h}\n"),
                      "node 'h' (hard_swish): Keras has no layer for it: accepted: add, "));
  BOOST_TEST(!std::filesystem::exists(file));
}

BOOST_AUTO_TEST_CASE(gates_and_slopes_come_back) {
  const Network network = net_of(R"(
  - block: {name: a, channels: 4, activation: {name: leaky_relu, slope: 0.2}}
  - global_average_pool: {name: squeeze}
  - dense: {name: expand, units: 4}
  - sigmoid: {name: gate}
  - multiply: {name: excited, inputs: [a, gate]}
  - max_pool: {name: pool, kernel: 2}
  - flatten: {name: flat}
)");
  BOOST_TEST(same_logits(network, back(network)));
}

BOOST_AUTO_TEST_CASE(a_file_that_cannot_be_written_is_an_error) {
  const Network network = net_of("  - flatten: {name: flat}\n");
  BOOST_TEST(contains(error_of([&] { export_keras(network, "m", path / "none" / "m.h5"); }),
                      "none/m.h5.part: cannot be created"));
}

BOOST_AUTO_TEST_SUITE_END()
