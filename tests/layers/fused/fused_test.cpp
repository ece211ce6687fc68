#include <boost/test/unit_test.hpp>

#include "framework/graph/network.h"
#include "layers/fused/convolution_training.h"
#include "plan_comparison.h"
#include "tests/every_target.h"

using namespace quantdyn;
using namespace quantdyn::test;

namespace {

// Other steps hold maps of its arrays.
static_assert(!std::is_copy_constructible_v<ConvolutionTraining> &&
              !std::is_move_constructible_v<ConvolutionTraining>);

struct Chain {
  int64_t size, in_channels, channels, kernel, stride, groups;
  std::string padding, norm_and_activation;
};

std::ostream& operator<<(std::ostream& out, const Chain& c) {
  return out << c.size << "x" << c.size << "x" << c.in_channels << " -> " << c.channels
             << ", kernel " << c.kernel << ", stride " << c.stride << ", groups " << c.groups
             << ", padding " << c.padding << ", " << c.norm_and_activation;
}

void randomize(Network& network, const Rng& rng) {
  uint64_t i = 0;
  for (const auto& named : network.parameters()) {
    Parameter<float>& p = *named.parameter;
    const bool is_variance = p.name.find("variance") != std::string::npos;
    for (int64_t k = 0; k < p.master.elements(); ++k)
      p.master[k] =
          static_cast<float>(is_variance ? 0.5 + rng.uniform(i++) : 0.5 * rng.normal(i++));
    for (float& end : p.master.values())  // of a clip
      if (p.name == "low" || p.name == "high")
        end = p.name == "low" ? -std::abs(end) : std::abs(end);
  }
}

/// input -> conv3 -> (chain under test) -> flatten -> dense.
Network make_net(const Chain& c) {
  const bool norm = c.norm_and_activation.find("norm") != std::string::npos;
  std::string activation = "none";
  for (const char* name : {"relu", "relu6", "leaky_relu", "sigmoid", "channel_clip"})
    if (c.norm_and_activation.ends_with(name)) activation = name;
  std::string yaml = fmt::format("input: [{0}, {0}, {1}]\nnodes:\n", c.size, c.in_channels);
  yaml += fmt::format("  - block: {{name: before, channels: {}, norm: true, activation: none}}\n",
                      c.in_channels);
  yaml += fmt::format(
      "  - conv2d: {{name: c, channels: {}, kernel: {}, stride: {}, groups: {}, padding: {}, bias: "
      "{}}}\n",
      c.channels, c.kernel, c.stride, c.groups, c.padding, norm ? "false" : "true");
  if (norm) yaml += "  - batch_norm: {name: n}\n";
  if (activation != "none") yaml += fmt::format("  - {}: {{name: a}}\n", activation);
  yaml += "  - flatten: {name: f}\n  - dense: {name: logits, units: 3}\n";
  Network net = Network::from_options(Options::from_text(yaml, "chain.yaml"));
  randomize(net, Rng(3));
  return net;
}

/// How far a fused run may be from the primitives, of the largest value.
struct Tolerance {
  double evaluation, training;
};
constexpr Tolerance direct_tolerance{5e-6, 5e-5}, winograd_tolerance{1e-4, 1e-3};

void check(const Chain& chain, int64_t images,
           ConvolutionAlgorithm algorithm = ConvolutionAlgorithm::direct) {
  const Network net = make_net(chain);
  const Tolerance tolerance =
      algorithm == ConvolutionAlgorithm::direct ? direct_tolerance : winograd_tolerance;
  const Tensor<float> x = random_tensor(net.input_shape().batch_of(images), Rng(5)),
                      padded = random_tensor(net.input_shape().batch_of(chunk_count(images) * 8),
                                             Rng(6));
  const auto trained = training_of(net, Fusing::unfused, x.view());
  const auto evaluated = taps_of(net, Fusing::unfused, padded.view(), images);
  // A value within rounding of the activation's kink may pass on one side only and changes a
  // gradient by one summand: gradients after an activation are compared as vectors, and less
  // closely.
  const bool has_kink = chain.norm_and_activation.find("relu") != std::string::npos ||
                        chain.norm_and_activation.find("clip") != std::string::npos;
  on_every_target([&](const std::string& target) {
    BOOST_TEST_CONTEXT(target << ", " << chain << ", " << images << " images") {
      std::string where;
      const double training =
          largest_difference(training_of(net, Fusing::fused, x.view(), algorithm), trained,
                             has_kink ? Norm::euclidean : Norm::largest, where);
      BOOST_TEST(training < (has_kink ? 5e-2 : tolerance.training),
                 "training differs by " << training << " at " << where);
      const double evaluation =
          largest_difference(taps_of(net, Fusing::fused, padded.view(), images, algorithm),
                             evaluated, Norm::largest, where);
      BOOST_TEST(evaluation < tolerance.evaluation,
                 "evaluation differs by " << evaluation << " at " << where);
      BOOST_TEST_MESSAGE(target << ", " << chain << ": evaluation " << evaluation << ", training "
                                << training);
    }
  });
}

}  // namespace

BOOST_AUTO_TEST_SUITE(fused_test)

BOOST_AUTO_TEST_CASE(chains_match_the_primitives_over_odd_shapes) {
  for (const char* after : {"norm relu", "norm relu6", "norm leaky_relu", "norm channel_clip",
                            "norm", "relu", "sigmoid", "channel_clip", ""})
    for (int64_t stride : {1, 2}) {
      check({7, 3, 17, 3, stride, 1, "1", after}, 8);
      check({7, 17, 17, 3, stride, 17, "1", after}, 8);
      check({7, 12, 18, 3, stride, 3, "same", after}, 8);
      check({7, 17, 3, 1, stride, 1, "0", after}, 8);
    }
}

BOOST_AUTO_TEST_CASE(chains_match_at_the_edges) {
  for (int64_t size : {1, 2, 7, 33})
    for (int64_t stride : {1, 2}) {
      const int64_t images =
          size < 7 ? 43 : 3;  // a norm over a handful of values magnifies rounding
      check({size, 1, 1, 3, stride, 1, "same", "norm relu"}, images);
      check({size, 17, 17, 3, stride, 17, "same", "norm relu"}, images);
      check({size, 3, 130, 1, stride, 1, "0", "norm relu"}, images);
      check({size, 130, 130, 3, stride, 130, "1", "norm relu"}, images);
    }
  check({9, 4, 5, 5, 2, 1, "[2, 1, 0, 2]", "norm relu"}, 9);
  check({9, 4, 4, 5, 3, 4, "[2, 1, 0, 2]", "norm relu"}, 9);
  check({9, 4, 4, 2, 1, 1, "valid", "relu"}, 1);
}

BOOST_AUTO_TEST_CASE(weights_that_outweigh_the_images_match) {
  check({2, 64, 48, 1, 1, 1, "0", "norm relu"}, 43);  // gradients by rows
  check({1, 70, 33, 1, 1, 1, "0", "norm"}, 70);
  check({4, 40, 40, 3, 1, 1, "1", "norm relu"}, 70);  // by parts of 32 images
}

BOOST_AUTO_TEST_CASE(dense_layers_match_the_primitives) {
  for (int64_t units : {1, 17, 130})
    for (bool has_bias : {true, false}) {
      const std::string yaml = fmt::format(
          "input: [3, 3, 15]\nnodes:\n  - flatten: {{name: f}}\n"
          "  - dense: {{name: d, units: {}, bias: {}}}\n  - dense: {{name: logits, units: 3}}\n",
          units, has_bias);
      Network net = Network::from_options(Options::from_text(yaml, "dense.yaml"));
      randomize(net, Rng(3));
      const Tensor<float> x = random_tensor(net.input_shape().batch_of(43), Rng(5)),
                          padded = random_tensor(net.input_shape().batch_of(48), Rng(6));
      std::string where;
      BOOST_TEST(largest_difference(training_of(net, Fusing::fused, x.view()),
                                    training_of(net, Fusing::unfused, x.view()), Norm::largest,
                                    where) < direct_tolerance.training,
                 units << " units, training at " << where);
      BOOST_TEST(largest_difference(taps_of(net, Fusing::fused, padded.view(), 43),
                                    taps_of(net, Fusing::unfused, padded.view(), 43), Norm::largest,
                                    where) < direct_tolerance.evaluation,
                 units << " units, evaluation at " << where);
    }
}

BOOST_AUTO_TEST_CASE(winograd_matches_the_primitives_over_odd_shapes) {
  const auto algorithm = ConvolutionAlgorithm::winograd;
  for (const char* after : {"norm relu", "norm", ""})
    for (const char* padding : {"1", "same", "valid", "[2, 2, 0, 1]"}) {
      check({7, 3, 17, 3, 1, 1, padding, after}, 9, algorithm);
      check({10, 17, 3, 3, 1, 1, padding, after}, 9, algorithm);
    }
  for (int64_t size : {1, 2, 33}) check({size, 17, 20, 3, 1, 1, "1", "norm"}, 19, algorithm);
  check({8, 130, 40, 3, 1, 1, "1", "norm"}, 8, algorithm);
  check({8, 16, 16, 3, 1, 1, "1", "norm"}, 70, algorithm);
}

BOOST_AUTO_TEST_CASE(training_has_the_same_bits_for_any_thread_count) {
  using enum ConvolutionAlgorithm;
  const std::pair<Chain, ConvolutionAlgorithm> cases[] = {
      {{8, 16, 16, 3, 1, 1, "1", "norm relu"}, direct},
      {{8, 16, 16, 3, 1, 1, "1", "norm relu"}, winograd},
      {{8, 16, 16, 3, 1, 4, "1", "norm relu"}, direct},
      {{8, 16, 16, 3, 1, 16, "1", "norm relu"}, direct},
      {{2, 64, 48, 1, 1, 1, "0", "norm relu"}, direct},
      {{4, 40, 40, 3, 1, 1, "1", "norm relu"}, winograd}};
  for (const auto& [chain, algorithm] : cases) {
    const Network net = make_net(chain);
    const Tensor<float> x = random_tensor(net.input_shape().batch_of(77), Rng(5));
    set_worker_count(1);
    const auto one = training_of(net, Fusing::fused, x.view(), algorithm);
    for (int threads : {2, 3}) {
      set_worker_count(threads);
      for (const auto& [name, tensor] : training_of(net, Fusing::fused, x.view(), algorithm))
        BOOST_TEST(std::ranges::equal(tensor.values(), one.at(name).values()),
                   name << " with " << threads << " threads");
    }
    set_worker_count(1);
  }
}

BOOST_AUTO_TEST_CASE(evaluation_fuses_a_clip_with_ends_by_channel) {
  const Network net = make_net({7, 3, 17, 3, 1, 1, "1", "norm channel_clip"});
  const auto steps = make_evaluation_steps(net, Fusing::fused, ConvolutionAlgorithm::direct);
  const int clip = net.index_of("a");
  BOOST_TEST(std::ranges::any_of(steps, [&](const auto& step) {
    return step->nodes().size() == 3 && step->nodes().back() == clip;
  }));
}

BOOST_AUTO_TEST_CASE(a_not_a_number_is_not_swallowed) {
  for (const char* activation : {"norm relu6", "norm channel_clip"}) {
    const Network net = make_net({7, 3, 17, 3, 1, 1, "1", activation});
    Tensor<float> x = random_tensor(net.input_shape().batch_of(8), Rng(5));
    x[0] = NAN;
    for (Fusing fusing : {Fusing::fused, Fusing::unfused}) {
      const auto taps = taps_of(net, fusing, x.view(), 8);
      BOOST_TEST(
          std::ranges::any_of(taps.at("c/output").values(), [](float v) { return std::isnan(v); }));
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
