// Every network file: its published parameter count, and that fused, unfused, folded and cloned
// nets agree.
#include <boost/test/unit_test.hpp>
#include <set>

#include "experiments/method/tracking.h"
#include "quant/folding/folding.h"
#include "stats/tracking/tracker.h"
#include "tests/experiments/small_nets.h"
#include "tests/layers/plan_comparison.h"
#include "tests/stats/observe.h"

using namespace quantdyn;
using namespace quantdyn::test;
namespace fs = std::filesystem;

namespace {

constexpr int64_t images = 19;  // two chunks and a part of one

/// Images in whole chunks, as an evaluation reads them.
Tensor<float> evaluation_images(const Network& net) {
  return random_tensor(net.input_shape().batch_of(chunk_count(images) * images_per_chunk), Rng(6));
}

using Taps = std::map<std::string, Tensor<float>>;

Taps without_conv(Taps taps) {
  std::erase_if(taps, [](const auto& tap) { return tap.first.ends_with("/conv"); });
  return taps;
}

/// The same net without the kinks that let a rounding error change a gradient by a whole summand.
Case linear(const Case& c) {
  std::string parameters = c.parameters;
  const size_t given = parameters.find(", activation: ");
  if (given != std::string::npos)
    parameters.erase(given, parameters.find_first_of(",}", given + 1) - given);
  return {c.network, parameters.insert(1, "activation: none, ")};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(networks_test)

BOOST_AUTO_TEST_CASE(published_counts) {
  BOOST_TEST(load({"regular", "{}"}).trained_count() == 576170);
  BOOST_TEST(load({"dws", "{}"}).trained_count() == 72842);
  BOOST_TEST(load({"mobilenet_v1", "{}"}).trained_count() == 3217226);
  BOOST_TEST(load({"mobilenet_v1_regular", "{}"}).trained_count() == 28279338);
  BOOST_TEST(load({"vgg", "{}"}).trained_count() == 4692426);
  BOOST_TEST(load({"vgg_separable", "{}"}).trained_count() == 546378);
}

BOOST_AUTO_TEST_CASE(mobilenet_has_the_papers_size_for_imagenet) {
  // Howard et al. 2017, table 8: 4.2 million parameters and 569 million multiply-adds.
  const Network net =
      load({"mobilenet_v1", "{input: [224, 224, 3], stem_stride: 2, classes: 1000}"});
  BOOST_TEST(net.trained_count() == 4231976);
  BOOST_TEST(net.multiply_accumulates() == 568740352);
  BOOST_TEST((net.shape_of("sep14") == Shape{7, 7, 1024}));
}

BOOST_AUTO_TEST_CASE(every_network_file_is_tested_and_loads_as_it_stands) {
  std::set<std::string> tested, files;
  for (const Case& c : small_nets) tested.insert(c.network);
  for (const auto& entry : fs::directory_iterator(QUANTDYN_SOURCE_NETWORKS))
    if (entry.path().extension() == ".yaml") files.insert(entry.path().stem().string());
  BOOST_TEST(tested == files, boost::test_tools::per_element());
  for (const std::string& file : files) {
    const Network net = load({file, "{}"});
    BOOST_TEST((net.input_shape() == Shape{32, 32, 3}));
    BOOST_TEST((net.output_shape() == Shape{10}));
  }
}

BOOST_AUTO_TEST_CASE(fused_and_unfused_evaluation_agree_at_every_tap) {
  for (const Case& c : small_nets) {
    const Network net = with_values(c);
    const Tensor<float> x = evaluation_images(net);
    std::string where;
    const double worst =
        largest_difference(taps_of(net, Fusing::fused, x.view(), images),
                           taps_of(net, Fusing::unfused, x.view(), images), Norm::largest, where);
    BOOST_TEST_MESSAGE("evaluation, " << c << ": " << worst << " at " << where);
    BOOST_TEST(worst < 1e-5, c << " differs by " << worst << " at " << where);
  }
}

/// Each tap by a tracker of its own.
Frame tracked_alone(Evaluator& evaluator, View<const float> x) {
  const StatisticKinds kinds = read_statistics(Options::from_text("{}", "test.yaml"));
  const Network& net = evaluator.network();
  Frame frame = make_frame(net);
  for (int unit = 0; unit < static_cast<int>(net.units().size()); ++unit)
    for (TapKind kind : {TapKind::conv, TapKind::norm, TapKind::output}) {
      if (!evaluator.has_tap(unit, kind)) continue;
      Tracker tracker(net.nodes()[net.units()[unit].last].shape.channels(), worker_count(), kinds);
      evaluator.tap(unit, kind).after.push_back(&tracker);
      evaluator.run(x, images, 0, {});
      evaluator.clear_taps();
      tracker.finish(frame, to_string(kind), unit);
    }
  return frame;
}

BOOST_AUTO_TEST_CASE(unit_trackers_write_what_a_tracker_at_each_tap_would) {
  for (const Case& c : small_nets)
    for (Fusing fusing : {Fusing::fused, Fusing::unfused}) {
      const Network net = with_values(c);
      const Tensor<float> x = evaluation_images(net);
      Evaluator evaluator(net, fusing, ConvolutionAlgorithm::direct, Keep::logits);
      Frame together = make_frame(net);
      TapTrackers trackers(evaluator, read_statistics(Options::from_text("{}", "test.yaml")));
      evaluator.run(x.view(), images, 0, {});
      trackers.finish({}, together);
      evaluator.clear_taps();
      BOOST_TEST(same_bits(together, tracked_alone(evaluator, x.view())), c);
    }
}

BOOST_AUTO_TEST_CASE(a_fused_and_an_unfused_training_step_agree) {
  for (const Case& c : small_nets)
    for (const bool has_kinks : {false, true}) {
      const Case used = has_kinks ? c : linear(c);
      const Network net = with_values(used);
      const Tensor<float> x = random_tensor(net.input_shape().batch_of(images), Rng(5));
      std::string where;
      const double worst =
          largest_difference(training_of(net, Fusing::fused, x.view()),
                             training_of(net, Fusing::unfused, x.view()), Norm::euclidean, where);
      BOOST_TEST_MESSAGE("training, " << used << ": " << worst << " at " << where);
      BOOST_TEST(worst < (has_kinks ? 3e-2 : 1e-4),
                 used << " differs by " << worst << " at " << where);
    }
}

BOOST_AUTO_TEST_CASE(a_training_step_by_winograd_agrees) {
  for (const Case& c : small_nets) {
    if (c.network != "regular" && c.network != "residual") continue;
    const Case used = linear(c);
    const Network net = with_values(used);
    const Tensor<float> x = random_tensor(net.input_shape().batch_of(images), Rng(5));
    std::string where;
    const double worst = largest_difference(
        training_of(net, Fusing::fused, x.view(), ConvolutionAlgorithm::winograd),
        training_of(net, Fusing::unfused, x.view()), Norm::euclidean, where);
    BOOST_TEST_MESSAGE("winograd, " << used << ": " << worst << " at " << where);
    BOOST_TEST(worst < 1e-4, used << " differs by " << worst << " at " << where);
  }
}

BOOST_AUTO_TEST_CASE(a_folded_net_agrees_with_the_net_it_was_made_from) {
  for (const Case& c : small_nets) {
    const Network net = with_values(c), folded = fold_network(net).network;
    for (const auto& node : folded.nodes())
      BOOST_TEST((!node.layer || !node.layer->channel_affine()), c << ": " << node.name);
    const Tensor<float> x = evaluation_images(net);
    std::string where;
    for (Fusing fusing : {Fusing::fused, Fusing::unfused}) {
      const double worst = largest_difference(taps_of(folded, fusing, x.view(), images),
                                              without_conv(taps_of(net, fusing, x.view(), images)),
                                              Norm::largest, where);
      BOOST_TEST_MESSAGE("folded, " << c << ": " << worst << " at " << where);
      BOOST_TEST(worst < 2e-5, c << " differs by " << worst << " at " << where);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_clone_of_a_folded_net_has_its_bits) {
  for (const Case& c : small_nets) {
    const Network folded = fold_network(with_values(c)).network, clone = folded.clone();
    const Tensor<float> x = evaluation_images(folded);
    std::string where;
    const double worst =
        largest_difference(taps_of(clone, Fusing::fused, x.view(), images),
                           taps_of(folded, Fusing::fused, x.view(), images), Norm::largest, where);
    BOOST_TEST(worst == 0, c << " differs by " << worst << " at " << where);
  }
}

BOOST_AUTO_TEST_SUITE_END()
