#include "framework/h5/frame.h"

#include <boost/test/unit_test.hpp>
#include <cmath>

using namespace quantdyn;

namespace {
const Quantity mean{"mean", "1", "mean", "", ""};
const Quantity count{"count", "1", "number of values", "", ""};
const Quantity histogram{"histogram", "1", "counts", "", "bin"};

template <typename T>
const std::vector<T>& values(const Frame& frame, const std::string& path) {
  return std::get<std::vector<T>>(frame.arrays().at(path).values);
}
}  // namespace

BOOST_AUTO_TEST_SUITE(frame_test)

BOOST_AUTO_TEST_CASE(places_that_nobody_fills_are_nan_and_counts_0) {
  Frame frame({0, 2, 5});
  frame.layer("output", mean, 1, 2.5);
  frame.layer("output", count, 0, uint64_t{7});
  BOOST_TEST(std::isnan(values<double>(frame, "layerwise/output/mean")[0]));
  BOOST_TEST(values<double>(frame, "layerwise/output/mean")[1] == 2.5);
  BOOST_TEST(values<uint64_t>(frame, "layerwise/output/count") == (std::vector<uint64_t>{7, 0}));
}

BOOST_AUTO_TEST_CASE(channels_of_all_nodes_lie_one_after_the_other) {
  Frame frame({0, 2, 5});
  BOOST_TEST(frame.nodes() == 2);
  BOOST_TEST(frame.channels() == 5);
  BOOST_TEST(frame.channels_of(1) == 3);
  frame.channel("weight", count, 1, std::vector<uint64_t>{1, 2, 3});
  BOOST_TEST(values<uint64_t>(frame, "channelwise/weight/count") ==
             (std::vector<uint64_t>{0, 0, 1, 2, 3}));
}

BOOST_AUTO_TEST_CASE(a_further_axis_is_innermost) {
  Frame frame({0, 1, 3});
  frame.channel("output", histogram, 1, std::vector<uint64_t>{1, 2, 3, 4, 5, 6});
  frame.layer("output", histogram, 0, std::vector<uint64_t>{7, 8, 9});
  BOOST_TEST(frame.arrays().at("channelwise/output/histogram").per_entry == 3);
  BOOST_TEST(values<uint64_t>(frame, "channelwise/output/histogram") ==
             (std::vector<uint64_t>{0, 0, 0, 1, 2, 3, 4, 5, 6}));
  BOOST_TEST(values<uint64_t>(frame, "layerwise/output/histogram") ==
             (std::vector<uint64_t>{7, 8, 9, 0, 0, 0}));
}

BOOST_AUTO_TEST_CASE(a_net_has_one_value) {
  Frame frame({0, 1});
  frame.network({"accuracy", "1", "accuracy", "", ""}, 0.5);
  BOOST_TEST(values<double>(frame, "networkwise/accuracy") == std::vector<double>{0.5});
}

BOOST_AUTO_TEST_CASE(a_node_without_channels_leaves_no_trace) {
  Frame frame({0, 0, 2});
  frame.channel("output", mean, 0, std::vector<double>{});
  BOOST_TEST(frame.arrays().empty());
  frame.channel("output", mean, 1, std::vector<double>{1, 2});
  BOOST_TEST(values<double>(frame, "channelwise/output/mean") == (std::vector<double>{1, 2}));
}

BOOST_AUTO_TEST_CASE(a_node_s_part_of_an_array_can_be_read_back) {
  Frame frame({0, 2, 5});
  const std::vector<double> means{1, 2, 3};
  const std::vector<uint64_t> bins{1, 2, 3, 4};
  frame.channel("output", {"mean", "1", "mean", "", ""}, 1, std::span<const double>(means));
  frame.layer("output", {"histogram", "1", "counts", "", "bin"}, 0,
              std::span<const uint64_t>(bins));
  const auto mean = frame.channel_values<double>("output", "mean", 1);
  BOOST_TEST(std::vector<double>(mean.begin(), mean.end()) == means);
  const auto counts = frame.layer_values<uint64_t>("output", "histogram", 0);
  BOOST_TEST(std::vector<uint64_t>(counts.begin(), counts.end()) == bins);
  BOOST_TEST(frame.layer_values<uint64_t>("output", "histogram", 1)[3] == 0u);
  BOOST_TEST(frame.layer_values<double>("output", "median", 0).empty());
}

BOOST_AUTO_TEST_SUITE_END()
