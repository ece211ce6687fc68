#include "stats/scales/ranges.h"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <vector>

#include "framework/base/error.h"
#include "tests/stats/observe.h"

using namespace quantdyn;

namespace {

const Quantity count{"count", "1", "", "", ""}, minimum{"min", "1", "", "", ""},
    maximum{"max", "1", "", "", ""};

/// Nodes of one channel each, from -range / 2; a range under 0: the node lacks the tensor.
Frame frame_of(const std::vector<double>& ranges) {
  std::vector<int64_t> offsets{0};
  for (size_t i = 0; i < ranges.size(); ++i) offsets.push_back(static_cast<int64_t>(i) + 1);
  Frame frame(offsets);
  for (size_t i = 0; i < ranges.size(); ++i) {
    if (ranges[i] < 0) continue;
    const double low = -ranges[i] / 2, high = ranges[i] / 2;
    const auto node = static_cast<int64_t>(i);
    frame.layer("output", count, node, uint64_t{10});
    frame.layer("output", minimum, node, low);
    frame.layer("output", maximum, node, high);
    frame.channel("output", minimum, node, std::span(&low, 1));
    frame.channel("output", maximum, node, std::span(&high, 1));
  }
  return frame;
}

const NodeInputs chain{{}, {0}, {1}, {2}, {3}};

double network_value(const Frame& frame, const std::string& name) {
  return doubles(frame, "networkwise/" + name)[0];
}

}  // namespace

BOOST_AUTO_TEST_SUITE(ranges_test)

BOOST_AUTO_TEST_CASE(the_spread_of_ranges_leaves_dead_channels_out) {
  const std::vector<double> low{-1, 0, 5, -2}, high{1, 1, 5, 1};  // 2, 1, dead, 3
  const RangeSpread spread = range_spread(low, high);
  BOOST_TEST(spread.ratio == 3);
  BOOST_TEST(spread.variation == std::sqrt(2 / 3.0) / 2);
}

BOOST_AUTO_TEST_CASE(one_channel_alone_has_no_spread) {
  const std::vector<double> low{-1, 5}, high{0.5, 5};
  for (size_t channels : {1, 2}) {
    const RangeSpread spread =
        range_spread(std::span(low).first(channels), std::span(high).first(channels));
    BOOST_TEST(spread.ratio == 1);
    BOOST_TEST(spread.variation == 0);
  }
}

BOOST_AUTO_TEST_CASE(dead_layers_and_nan_have_no_spread) {
  const std::vector<double> same{1, 2}, low{0, NAN, -1}, high{1, NAN, 2};
  for (const RangeSpread& spread : {range_spread(same, same), range_spread(low, high)}) {
    BOOST_TEST(std::isnan(spread.ratio));
    BOOST_TEST(std::isnan(spread.variation));
  }
  BOOST_CHECK_THROW(range_spread(same, low), Error);
}

BOOST_AUTO_TEST_CASE(a_predecessor_is_found_along_the_first_input_that_leads_to_one) {
  // input 0, conv 1, branch 2 and 3, sum 4 of (3, 1), pool 5
  const NodeInputs inputs{{}, {0}, {1}, {2}, {3, 1}, {4}};
  const std::vector<bool> convolutions{false, true, true, true, false, false};
  BOOST_TEST(predecessor(inputs, 5, convolutions) == 3);
  BOOST_TEST(predecessor(inputs, 2, convolutions) == 1);
  BOOST_TEST(predecessor(inputs, 1, convolutions) == -1);
  BOOST_TEST(predecessor(inputs, 0, convolutions) == -1);
  // Where the first input leads to none, the second does.
  BOOST_TEST(predecessor({{}, {}, {0, 1}}, 2, {false, true, true}) == 1);
}

BOOST_AUTO_TEST_CASE(ranges_over_depth_are_those_computed_by_hand) {
  Frame frame = frame_of({-1, 4, -1, 1, 16});  // log2: 2, 0, 4
  save_depth_ranges(frame, "output", chain);
  const auto value = [&](const char* name, int64_t node) {
    return frame.layer_values<double>("output", name, node)[0];
  };
  BOOST_TEST(value("range", 1) == 4);
  BOOST_TEST(value("log2_range", 1) == 2);
  BOOST_TEST(value("log2_range_step", 3) == -2);
  BOOST_TEST(value("log2_range_step", 4) == 4);
  BOOST_TEST(std::isnan(value("log2_range_step", 1)));  // the first one
  BOOST_TEST(std::isnan(value("range", 2)));            // no such tensor
  BOOST_TEST(network_value(frame, "output_range_fluctuation") == std::sqrt(8 / 3.0));
  BOOST_TEST(network_value(frame, "output_range_step") == 3);
}

BOOST_AUTO_TEST_CASE(a_single_layer_fluctuates_by_0_and_has_no_step) {
  Frame frame = frame_of({-1, 4, -1, -1, -1});
  save_depth_ranges(frame, "output", chain);
  BOOST_TEST(network_value(frame, "output_range_fluctuation") == 0);
  BOOST_TEST(std::isnan(network_value(frame, "output_range_step")));
}

BOOST_AUTO_TEST_CASE(layers_of_no_width_and_nan_are_not_hidden) {
  for (double range : {0.0, double{NAN}}) {
    Frame frame = frame_of({1, 2, range, 8, 16});
    save_depth_ranges(frame, "output", chain);
    BOOST_TEST(std::isnan(network_value(frame, "output_range_fluctuation")));
    BOOST_TEST(!std::isfinite(network_value(frame, "output_range_step")));
    BOOST_TEST(frame.layer_values<double>("output", "log2_range_step", 4)[0] == 1);
  }
}

BOOST_AUTO_TEST_CASE(spreads_are_written_where_the_tensor_is_and_nothing_without_moments) {
  Frame frame = frame_of({-1, 4});
  save_range_spreads(frame, "output");
  BOOST_TEST(frame.layer_values<double>("output", "channel_range_ratio", 1)[0] == 1);
  BOOST_TEST(frame.layer_values<double>("output", "channel_range_variation", 1)[0] == 0);
  BOOST_TEST(std::isnan(frame.layer_values<double>("output", "channel_range_ratio", 0)[0]));
  Frame empty({0, 1, 2});
  save_range_spreads(empty, "output");
  save_depth_ranges(empty, "output", chain);
  BOOST_TEST(empty.arrays().empty());
}

BOOST_AUTO_TEST_SUITE_END()
