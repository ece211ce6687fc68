// Nets from YAML: activations of macros by name or with options, defaults that are used or refused.
#include "framework/graph/network.h"

#include <boost/test/unit_test.hpp>

#include "tests/errors.h"

using namespace quantdyn;

namespace {

Options document(const std::string& defaults, const std::string& nodes) {
  return Options::from_text("input: [4, 4, 2]\ndefaults: " + defaults + "\nnodes:\n" + nodes,
                            "net.yaml");
}

Network net_of(const std::string& defaults, const std::string& nodes) {
  return Network::from_options(document(defaults, nodes));
}

std::string refusal(const std::string& defaults, const std::string& nodes) {
  return error_of<ConfigError>([&] { net_of(defaults, nodes); });
}

/// A plugin whose author knows of no Error.
template <typename T>
class Careless final : public Layer<T> {
 public:
  explicit Careless(const Options& options) {
    options.finish();
    throw std::runtime_error("boom");
  }
  Shape setup(std::span<const Shape> inputs) override { return inputs[0]; }
  void evaluate(std::span<const View<const T>>, View<T>) const override {}
  void backward(std::span<const View<const T>>, View<const T>, View<const T>,
                std::span<const View<T>>) override {}
};

const RegisteredLayer<Careless> careless{"careless", "throws when it is made"};

/// What the net's last node makes of -1.
float after_minus_one(const Network& net) {
  const Layer<float>& layer = *net.layer(net.last());
  const float x = -1;
  float y = 0;
  const View<const float> input(&x, Shape{1, 1});
  layer.evaluate(std::span(&input, 1), {&y, Shape{1, 1}});
  return y;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(network_test)

BOOST_AUTO_TEST_CASE(an_activation_of_a_macro_is_a_name_or_a_mapping_with_options) {
  const std::string block = "  - block: {name: a, channels: 2, activation: ";
  BOOST_TEST(after_minus_one(net_of("{}", block + "leaky_relu}\n")) == -0.01f);
  BOOST_TEST(after_minus_one(net_of("{}", block + "{name: leaky_relu, slope: 0.2}}\n")) == -0.2f);
  BOOST_TEST(after_minus_one(net_of("{block: {activation: {name: leaky_relu, slope: 0.5}}}",
                                    "  - block: {name: a, channels: 2}\n")) == -0.5f);
  for (const char* macro : {"separable", "residual"}) {
    const Network net =
        net_of("{}", fmt::format("  - {}: {{name: a, channels: 2, activation: {{name: leaky_relu, "
                                 "slope: 0.25}}}}\n",
                                 macro));
    BOOST_TEST(after_minus_one(net) == -0.25f, macro);
    BOOST_TEST(after_minus_one(net.clone()) == -0.25f, macro);
  }
  const Network none = net_of("{}", block + "none}\n");
  BOOST_TEST(none.nodes().size() == 3u);
}

BOOST_AUTO_TEST_CASE(defaults_of_an_activation_are_written_out) {
  const Options given =
      document("{block: {activation: leaky_relu}}", "  - block: {name: a, channels: 2}\n");
  Network::from_options(given);
  BOOST_TEST(contains(given.resolved_yaml(), "slope: 0.01"));
}

BOOST_AUTO_TEST_CASE(what_is_no_activation_is_refused_with_those_that_are) {
  const auto of = [](const std::string& activation) {
    return refusal("{}", "  - block: {name: a, channels: 2, activation: " + activation + "}\n");
  };
  for (const char* name : {"swish", "flatten"}) {
    BOOST_TEST(of(name).starts_with(fmt::format(
                   "net.yaml:4: activation: '{}' is not an activation; accepted: ", name)),
               of(name));
    BOOST_TEST(contains(of(name), "leaky_relu, relu, relu6, sigmoid, none"), of(name));
  }
  BOOST_TEST(contains(of("{name: relu, slope: 1}"), "net.yaml:4: slope: unknown key"));
  BOOST_TEST(contains(of("{name: none, slope: 1}"), "net.yaml:4: slope: unknown key"));
}

BOOST_AUTO_TEST_CASE(defaults_that_no_node_takes_are_refused) {
  const std::string block = "  - block: {name: a, channels: 2}\n";
  BOOST_TEST(refusal("{blok: {norm: false}}", block)
                 .starts_with("net.yaml:2: blok: unknown kind of node; accepted: block, "));
  BOOST_TEST(refusal("{separable: {norm: false}}", block) ==
             "net.yaml:2: separable: no node of this net is of this kind; accepted: block");
  BOOST_TEST(net_of("{block: {norm: false}}", block).units()[1].norm == -1);
  BOOST_TEST(net_of("{conv2d: {kernel: 3}}", "  - conv2d: {name: a, channels: 2}\n")
                 .layer(1)
                 ->convolution()
                 ->kernel_h == 3);
}

BOOST_AUTO_TEST_CASE(names_that_a_terminal_would_act_on_are_refused) {
  for (const char* name : {"\"a\\nb\"", "\"a\\tb\""})
    BOOST_TEST(contains(refusal("{}", fmt::format("  - block: {{name: {}, channels: 2}}\n", name)),
                        "cannot name a node"));
}

BOOST_AUTO_TEST_CASE(a_macro_that_takes_the_name_of_another_node_is_refused) {
  const std::string one = "  - conv2d: {name: d_dw, channels: 2, kernel: 1}\n";
  const std::string two = "  - conv2d: {name: d, channels: 2, kernel: 1}\n";
  const std::string separable = "  - separable: {name: d, channels: 2}\n";
  BOOST_TEST(refusal("{}", "  - block: {name: input, channels: 2}\n") ==
             "net.yaml:4: name: two nodes are called 'input'");
  BOOST_TEST(refusal("{}", one + separable) == "net.yaml:5: name: two nodes are called 'd_dw'");
  BOOST_TEST(refusal("{}", two + separable) == "net.yaml:5: name: two nodes are called 'd'");
  BOOST_TEST(refusal("{}", separable + two) == "net.yaml:5: name: two nodes are called 'd'");
  BOOST_TEST(refusal("{}", two + "  - residual: {name: d, channels: 2}\n") ==
             "net.yaml:5: name: two nodes are called 'd'");
}

BOOST_AUTO_TEST_CASE(whatever_a_layer_throws_names_its_node) {
  BOOST_TEST(refusal("{}", "  - careless: {name: a}\n") ==
             "net.yaml:4: node 'a' (careless): boom ('input' gives [4, 4, 2])");
}

BOOST_AUTO_TEST_CASE(an_activation_after_one_that_stands_alone_is_a_unit_of_its_own) {
  const Network net = net_of("{}", "  - relu: {name: a}\n  - sigmoid: {name: b}\n");
  BOOST_TEST(net.units().size() == 3u);
}

BOOST_AUTO_TEST_SUITE_END()
