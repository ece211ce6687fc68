// A walk through a net on all images: the same values as runs of the whole net, whatever is kept.
// (Beside the repairs that use it: framework's tests have no layers.)
#include "framework/run/layerwise_run.h"

#include <boost/test/unit_test.hpp>

#include "quant/folding/linear_pairs.h"
#include "quant/ranges/recorder.h"
#include "quant/schemes/selection.h"
#include "tests/quant/helpers.h"

namespace quantdyn::test {
namespace {

constexpr int64_t real_images = 13;  // the second chunk has five

struct Fixture {
  Network network = fold_network(small_network()).network.clone();
  Tensor<float> images = images_of(network);
  ImageBatches batches{real_images, [this](const ImageBatches::Work& work) {
                         work(images.view().slice(0, 8), 8, 0);
                         work(images.view().slice(8, 8), real_images - 8, 1);
                       }};
  Evaluator net{network, Fusing::fused, ConvolutionAlgorithm::direct, Keep::all};
  int units = static_cast<int>(network.units().size());

  /// What `run` shows at a unit's output, [13,...].
  template <typename Run>
  std::vector<float> shown(int unit, const Run& run) {
    Recorder recorder(network.nodes()[network.units()[unit].last].shape);
    net.tap(unit, TapKind::output).after.push_back(&recorder);
    run();
    net.tap(unit, TapKind::output).after.clear();
    const Tensor<float> values = recorder.finish();
    return {values.values().begin(), values.values().end()};
  }
  std::vector<float> whole_run(int unit) {
    return shown(unit, [&] { batches.run(net); });
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(layerwise_run)

BOOST_AUTO_TEST_CASE(every_unit_shows_what_a_run_of_the_whole_net_shows) {
  for (const int threads : {1, 2})
    for (const int64_t capacity : {int64_t{0}, int64_t{2000}, LayerwiseRun::floats_kept}) {
      const int before = worker_count();
      set_worker_count(threads);
      Fixture f;
      LayerwiseRun layers(f.net, f.batches, capacity);
      for (int unit = 1; unit < f.units; ++unit)
        BOOST_TEST(f.shown(unit, [&] { layers.show(unit); }) == f.whole_run(unit),
                   boost::test_tools::per_element());
      set_worker_count(before);
    }
}

BOOST_AUTO_TEST_CASE(weights_that_change_before_their_unit_is_shown_count) {
  Fixture f;
  LayerwiseRun layers(f.net, f.batches);
  for (const int unit : units_with_weight(f.network)) {
    layers.show(unit);  // as bias correction does: look, change, go on
    linear_of(f.network, unit).weight->master[0] += 0.5f;
    f.net.prepare();
  }
  const int last = f.units - 1;
  BOOST_TEST(f.shown(last, [&] { layers.show(last); }) == f.whole_run(last),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(outputs_are_those_of_the_real_images_only) {
  for (const int64_t capacity : {int64_t{0}, LayerwiseRun::floats_kept}) {
    Fixture f;
    LayerwiseRun layers(f.net, f.batches, capacity);
    for (const char* const name : {"conv1", "res3_1", "res3"}) {
      const int unit = unit_of(f.network, name);
      const View<const float> outputs = layers.outputs_before(unit + 1, unit);
      BOOST_TEST(outputs.shape[0] == real_images);
      BOOST_TEST(outputs.values() == f.whole_run(unit), boost::test_tools::per_element());
    }
  }
}

BOOST_AUTO_TEST_CASE(observers_of_other_units_see_nothing) {
  Fixture f;
  LayerwiseRun layers(f.net, f.batches);
  const int first = unit_of(f.network, "conv1"), later = unit_of(f.network, "sep2_pw");
  BOOST_TEST(f.shown(first, [&] { layers.show(later); }).empty());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace quantdyn::test
