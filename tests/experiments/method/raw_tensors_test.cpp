// Raw tensors: what an evaluation holds, image by image, and what cannot be asked for.
#include "experiments/method/raw_tensors.h"

#include <boost/test/unit_test.hpp>

#include "framework/base/threads.h"
#include "tests/experiments/method/tensor_file.h"
#include "tests/layers/plan_comparison.h"
#include "tests/quant/helpers.h"

using namespace quantdyn;
using namespace quantdyn::test;

namespace {

struct Raw {
  TensorFile file;
  Network network = small_network();
  Tensor<float> x = images_of(network);

  RawTensorSettings settings(const std::string& yaml, int64_t gradient_images = 0) const {
    return RawTensorSettings::read(Options::from_text(yaml, "t.yaml"), network,
                                   {16, gradient_images});
  }
  std::map<std::string, Tensor<float>> taken(const RawTensorSettings& settings,
                                             Evaluator& evaluator) const {
    return file.tensors_of([&](BegunSnapshot& begun) {
      const RawTensors raw({&settings, &begun}, evaluator);
      evaluator.run(x.view(), x.shape()[0], 0, {});
    });
  }
  std::string refusal(const std::string& yaml, int64_t gradient_images = 0) const {
    return error_of([&] { settings(yaml, gradient_images); });
  }
};

/// Takes the sign away.
class Magnitude final : public Transform {
 public:
  void apply(const MutableTile& tile) const override {
    for (int64_t row = 0; row < tile.rows; ++row)
      for (int64_t c = 0; c < tile.channels; ++c) {
        float& value = tile.values[row * tile.row_stride + c];
        value = std::abs(value);
      }
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(raw_tensors_test, Raw)

BOOST_AUTO_TEST_CASE(the_first_images_of_every_tensor_are_what_the_evaluation_holds) {
  const auto all = settings(
      "{nodes: [input, conv1, res3_2, res3, pool, logits], tensors: [conv, norm, output], images: "
      "11}");
  const int threads = worker_count();
  for (Fusing fusing : {Fusing::fused, Fusing::unfused}) {
    const auto expected = taps_of(network, fusing, x.view(), x.shape()[0]);
    for (int workers : {1, 2}) {
      set_worker_count(workers);
      Evaluator evaluator(network, fusing, ConvolutionAlgorithm::direct, Keep::logits);
      const auto found = taken(all, evaluator);
      const auto wanted = std::ranges::count_if(expected, [&](const auto& tap) {
        return all.wants(tap.first.substr(0, tap.first.find('/')), "output");
      });
      BOOST_TEST(found.size() == static_cast<size_t>(wanted));
      for (const auto& [name, raw] : found) {
        BOOST_TEST(raw.shape()[0] == 11);
        const auto values = raw.values();
        BOOST_TEST(std::equal(values.begin(), values.end(), expected.at(name).data()), name);
      }
    }
  }
  set_worker_count(threads);
}

BOOST_AUTO_TEST_CASE(another_pass_over_the_images_changes_nothing) {
  const auto output = settings("{nodes: [conv1], images: 11}");
  Evaluator evaluator(network, Fusing::fused, ConvolutionAlgorithm::direct, Keep::logits);
  const auto once = taken(output, evaluator);
  const auto twice = file.tensors_of([&](BegunSnapshot& begun) {
    const RawTensors raw({&output, &begun}, evaluator);
    for (int pass = 0; pass < 2; ++pass) evaluator.run(x.view(), x.shape()[0], 0, {});
  });
  BOOST_TEST(
      std::ranges::equal(once.at("conv1/output").values(), twice.at("conv1/output").values()));
}

BOOST_AUTO_TEST_CASE(a_transform_shows_in_what_is_kept) {
  const Magnitude magnitude;
  Evaluator evaluator(network, Fusing::fused, ConvolutionAlgorithm::direct, Keep::logits);
  const auto plain = taken(settings("{nodes: [input], images: 1}"), evaluator);
  evaluator.tap(0, TapKind::output).transform = &magnitude;
  const auto transformed = taken(settings("{nodes: [input], images: 1}"), evaluator);
  const Tensor<float>& before = plain.at("input/output");
  const Tensor<float>& after = transformed.at("input/output");
  for (int64_t i = 0; i < before.shape().elements(); ++i)
    BOOST_TEST(after[i] == std::abs(before[i]));
}

BOOST_AUTO_TEST_CASE(the_taps_are_left_in_the_end) {
  Evaluator evaluator(network, Fusing::fused, ConvolutionAlgorithm::direct, Keep::logits);
  const auto some = settings("{nodes: [conv1]}");
  const Tap& tap = evaluator.tap(unit_of(network, "conv1"), TapKind::output);
  file.tensors_of([&](BegunSnapshot& begun) {
    const RawTensors raw({&some, &begun}, evaluator);
    BOOST_TEST(!tap.empty());
    evaluator.run(x.view(), x.shape()[0], 0, {});
  });
  BOOST_TEST(tap.empty());
}

BOOST_AUTO_TEST_CASE(a_gradient_keeps_its_first_images_and_a_weights_gradient_is_whole) {
  const auto some =
      settings("{nodes: [conv1], tensors: [output_gradient, weight_gradient], images: 2}", 16);
  Evaluator evaluator(network, Fusing::fused, ConvolutionAlgorithm::direct, Keep::logits);
  const Tensor<float> gradient = random_tensor({16, 8, 8, 8}, Rng(1));
  const Tensor<float> weight = random_tensor({3, 3, 3, 8}, Rng(2));
  const auto found = file.tensors_of([&](BegunSnapshot& begun) {
    RawTensors raw({&some, &begun}, evaluator);
    raw.add("conv1", "output_gradient", gradient.view());
    raw.add("conv1", "conv_gradient", gradient.view());
    raw.add("pool", "output_gradient", gradient.view());
    raw.add("conv1", "weight_gradient", weight.view());
  });
  BOOST_REQUIRE(found.size() == 2u);
  const Tensor<float>& kept = found.at("conv1/output_gradient");
  BOOST_TEST(kept.shape().text() == "[2, 8, 8, 8]");
  BOOST_TEST(kept[2 * 8 * 8 * 8 - 1] == gradient[2 * 8 * 8 * 8 - 1]);
  BOOST_TEST(found.at("conv1/weight_gradient").shape().text() == "[3, 3, 3, 8]");
}

BOOST_AUTO_TEST_CASE(what_there_is_not_is_refused_with_what_there_is) {
  BOOST_TEST(refusal("{nodes: [dw2]}") ==
             "t.yaml:1: nodes: the net has no node 'dw2'; accepted: input, conv1, sep2_dw, "
             "sep2_pw, res3_1, res3_2, res3, pool, logits");
  BOOST_TEST(contains(refusal("{images: 4}"), "nodes: missing"));
  BOOST_TEST(contains(refusal("{nodes: [conv1], tensors: [weight]}"),
                      "unknown tensor 'weight'; accepted: conv, norm, output, conv_gradient"));
  BOOST_TEST(contains(refusal("{nodes: [pool], tensors: [conv]}"),
                      "the node 'pool' has none of the tensors conv"));
  BOOST_TEST(contains(refusal("{nodes: [input], tensors: [output_gradient]}", 8),
                      "the node 'input' has none of the tensors output_gradient"));
  BOOST_TEST(contains(refusal("{nodes: [conv1], tensors: [conv_gradient]}"),
                      "gradients are not tracked; expected track.gradients"));
  BOOST_TEST(contains(refusal("{nodes: [conv1], images: 17}"),
                      "images: 17 asked for, 'output' is tracked of 16"));
  BOOST_TEST(contains(refusal("{nodes: [conv1], tensors: [conv_gradient], images: 9}", 8),
                      "images: 9 asked for, 'conv_gradient' is tracked of 8"));
  BOOST_TEST(contains(refusal("{nodes: [conv1], images: 0}"), "images: 0 is out of range"));
}

BOOST_AUTO_TEST_SUITE_END()
