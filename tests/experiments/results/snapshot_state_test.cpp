#include "experiments/results/snapshot_state.h"

#include <boost/test/unit_test.hpp>
#include <cmath>

#include "framework/base/state_bytes.h"

using namespace quantdyn;

namespace {

Snapshot empty_snapshot() {
  return {.epoch = 0,
          .step = 0,
          .variant = {},
          .frame = Frame({0, 2, 3}),
          .weights = {},
          .quantization = {}};
}

template <typename Code>
QuantizationEntry entry_with(std::vector<Code> codes) {
  QuantizationEntry out;
  out.node = "conv1";
  out.tensor = "weight";
  out.rows = 2;
  out.shape = Shape{1, 2};
  out.codes = std::move(codes);
  out.levels = {0.5f, -1.0f};
  out.scale = {0.25, 0.125};
  out.zero_point = {3, -4};
  out.convergence_images = {8};
  out.convergence_low = {-1, -2};
  out.convergence_high = {1, 2};
  out.facts = {{"bit_width", int64_t{4}}, {"scheme", std::string("affine")}, {"range_low", -0.5}};
  return out;
}

Snapshot made_snapshot() {
  Snapshot out = empty_snapshot();
  out.epoch = 2;
  out.step = 30;
  out.variant = "int8";
  out.frame.network({"accuracy", "1", "accuracy", "formula"}, 0.75);
  out.frame.layer("output", {"count", "1", "values"}, 1, uint64_t{1} << 60);
  const std::vector<double> values = {1, 2, 3, NAN, 5, 6};
  out.frame.channel("output", {"bins", "1", "bins", {}, "bin"}, 0, values);
  out.weights = {{"conv1", "weight", Shape{1, 1, 2}, {1.5f, -0.0f}}};
  out.quantization = {
      entry_with(std::vector<int8_t>{-128, 127}), entry_with(std::vector<uint8_t>{0, 255}),
      entry_with(std::vector<int16_t>{-32768, 32767}), entry_with(std::vector<uint16_t>{0, 65535}),
      entry_with(std::vector<int32_t>{-2147483647, 2147483647})};
  out.replaced_activations = {{"relu1", "channel_clip"}};
  return out;
}

/// What visit_snapshot() lists of a snapshot.
std::vector<std::byte> bytes_of(Snapshot& snapshot) {
  State state;
  visit_snapshot(StateVisitor::saving(state), snapshot);
  return quantdyn::bytes_of(state);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(snapshot_state_test)

BOOST_AUTO_TEST_CASE(a_snapshot_from_another_process_is_the_one_that_it_made) {
  Snapshot made = made_snapshot(), loaded = empty_snapshot();
  const std::vector<std::byte> bytes = bytes_of(made);
  visit_snapshot(StateVisitor::loading(state_of(bytes)), loaded);
  BOOST_TEST((bytes_of(loaded) == bytes));
  BOOST_TEST(loaded.variant == "int8");
  BOOST_TEST(loaded.step == 30);
  BOOST_TEST(loaded.frame.layer_values<uint64_t>("output", "count", 1)[0] == uint64_t{1} << 60);
  const auto bins = loaded.frame.channel_values<double>("output", "bins", 0);
  BOOST_TEST(bins.size() == 6u);
  BOOST_TEST(std::isnan(bins[3]));
  BOOST_TEST(std::isnan(loaded.frame.channel_values<double>("output", "bins", 1)[0]));
  BOOST_TEST(loaded.frame.arrays().at("channelwise/output/bins").quantity.axis == "bin");
  BOOST_TEST((loaded.weights[0].shape == Shape{1, 1, 2}));
  BOOST_TEST(std::signbit(loaded.weights[0].values[1]));
  BOOST_TEST(loaded.replaced_activations[0].kind == "channel_clip");
}

BOOST_AUTO_TEST_CASE(codes_keep_their_type_and_facts_theirs) {
  Snapshot made = made_snapshot(), loaded = empty_snapshot();
  visit_snapshot(StateVisitor::loading(state_of(bytes_of(made))), loaded);
  for (size_t i = 0; i < made.quantization.size(); ++i) {
    BOOST_TEST((loaded.quantization[i].codes == made.quantization[i].codes));
    BOOST_TEST((loaded.quantization[i].facts == made.quantization[i].facts));
    BOOST_TEST((loaded.quantization[i].shape == made.quantization[i].shape));
  }
}

BOOST_AUTO_TEST_SUITE_END()
