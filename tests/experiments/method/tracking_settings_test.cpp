// When there are snapshots, what they keep, and what of the section `track` is refused.
#include "experiments/method/tracking_settings.h"

#include <boost/test/unit_test.hpp>

#include "tests/quant/helpers.h"

using namespace quantdyn;
using namespace quantdyn::test;

namespace {

const Network& some_network() {
  static const Network network = small_network();
  return network;
}

/// Of a run of four epochs of ten steps.
TrackingSettings track(const std::string& yaml, bool has_labels = true) {
  return TrackingSettings::read(Options::from_text(yaml, "t.yaml"),
                                {100, 64, 4, 10, has_labels, some_network()});
}

std::vector<int64_t> snapshots(const std::string& yaml) {
  const TrackingSettings settings = track(yaml);
  std::vector<int64_t> out;
  for (int64_t step = 0; step <= 40; ++step)
    if (settings.has_snapshot(step)) out.push_back(step);
  return out;
}

std::vector<int64_t> with_weights(const std::string& yaml) {
  const TrackingSettings settings =
      track("{epochs: [0, 2], every_steps: 5, weights: " + yaml + "}");
  std::vector<int64_t> out;
  for (int64_t step = 0; step <= 40; step += 5)
    if (settings.saves_weights(step)) out.push_back(step);
  return out;
}

std::string refusal(const std::string& yaml, bool has_labels = true) {
  return error_of([&] { track(yaml, has_labels); });
}

using Steps = std::vector<int64_t>;

}  // namespace

BOOST_AUTO_TEST_SUITE(tracking_settings_test)

BOOST_AUTO_TEST_CASE(snapshots_are_after_the_epochs_and_steps_asked_for_and_the_last) {
  BOOST_TEST(snapshots("{}") == (Steps{0, 40}));
  BOOST_TEST(snapshots("{epochs: []}") == (Steps{40}));
  BOOST_TEST(snapshots("{epochs: [1, 3]}") == (Steps{10, 30, 40}));
  BOOST_TEST(snapshots("{every: 2}") == (Steps{0, 20, 40}));
  BOOST_TEST(snapshots("{every: 3}") == (Steps{0, 30, 40}));
  BOOST_TEST(snapshots("{steps: [1, 2, 4, 10, 25]}") == (Steps{0, 1, 2, 4, 10, 25, 40}));
  BOOST_TEST(snapshots("{epochs: 1, every_steps: 15}") == (Steps{0, 10, 15, 30, 40}));
}

BOOST_AUTO_TEST_CASE(weights_are_kept_where_the_option_says) {
  BOOST_TEST(with_weights("all") == (Steps{0, 5, 10, 15, 20, 25, 30, 35, 40}));
  BOOST_TEST(with_weights("listed") == (Steps{0, 20, 40}));
  BOOST_TEST(with_weights("last") == (Steps{40}));
  BOOST_TEST(with_weights("none") == Steps{});
  BOOST_TEST((track("{}").weights == SavedWeights::listed));
}

BOOST_AUTO_TEST_CASE(raw_tensors_are_kept_of_all_snapshots_or_the_last) {
  const TrackingSettings all = track("{tensors: {nodes: [conv1]}}");
  const TrackingSettings last = track("{tensors: {nodes: [conv1], snapshots: last}}");
  BOOST_TEST((all.tensors_of(0) && all.tensors_of(40)));
  BOOST_TEST((!last.tensors_of(0) && last.tensors_of(40)));
  BOOST_TEST(!track("{}").tensors_of(40));
}

BOOST_AUTO_TEST_CASE(sizes_default_to_what_the_data_have) {
  const TrackingSettings settings = track("{gradients: {}}");
  BOOST_TEST(settings.probe_images == 64);
  BOOST_TEST(settings.gradients->images == 96);
  BOOST_TEST(!settings.gradients->channel_histograms);
  BOOST_TEST(!track("{}").gradients);
}

BOOST_AUTO_TEST_CASE(a_run_without_training_has_its_one_snapshot) {
  const TrackingSettings settings =
      TrackingSettings::read(Options::from_text("{every_steps: 3, every: 2}", "t.yaml"),
                             {0, 64, 0, 0, true, some_network()});
  BOOST_TEST(settings.has_snapshot(0));
  BOOST_TEST(settings.saves_weights(0));
}

BOOST_AUTO_TEST_CASE(what_cannot_be_is_refused_with_what_can) {
  BOOST_TEST(refusal("{epochs: [0, 5]}") ==
             "t.yaml:1: epochs: 5 is past the end of training; accepted: 0 to 4, which always has "
             "a snapshot");
  BOOST_TEST(contains(refusal("{steps: [41]}"),
                      "steps: 41 is past the end of training; accepted: "
                      "0 to 40"));
  BOOST_TEST(contains(refusal("{steps: [-1]}"), "steps"));
  BOOST_TEST(contains(refusal("{every_steps: -1}"), "every_steps: -1 is out of range"));
  BOOST_TEST(contains(refusal("{weights: some}"), "weights"));
  BOOST_TEST(contains(refusal("{probe_images: 12}"), "probe_images: expected a multiple of 8"));
  BOOST_TEST(contains(refusal("{gradients: {images: 12}}"), "images: expected a multiple of 8"));
  BOOST_TEST(contains(refusal("{gradients: {images: 104}}"),
                      "images: 104 asked for, the training set has 100"));
  BOOST_TEST(contains(refusal("{gradients: {}}", false), "gradients: the images have no labels"));
  BOOST_TEST(contains(refusal("{gradients: {channels: 3}}"), "channels: unknown key"));
  BOOST_TEST(contains(refusal("{step: 3}"), "step: unknown key"));
}

BOOST_AUTO_TEST_SUITE_END()
