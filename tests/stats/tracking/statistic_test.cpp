// Which statistics are taken by default, and the axes that statistics bring.
#include "stats/tracking/statistic.h"

#include <boost/test/unit_test.hpp>

#include "tests/errors.h"

using namespace quantdyn;

namespace {

StatisticKinds kinds(const std::string& yaml) {
  return read_statistics(Options::from_text(yaml, "test.yaml"));
}

using Names = std::vector<std::string>;

Names names(const std::vector<ExtraAxis>& axes) {
  Names out;
  for (const ExtraAxis& axis : axes) out.push_back(axis.name);
  return out;
}

/// A choice of one statistic whose quantities lie on this axis.
StatisticKinds bringing(const std::string& name, int64_t size) {
  StatisticKind out;
  out.axes = [=](const TensorTraits&) {
    return std::vector<ExtraAxis>{{name, "made up", size, {}}};
  };
  return {out};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(statistic_test)

BOOST_AUTO_TEST_CASE(without_a_list_the_default_ones_are_taken_in_the_order_of_their_places) {
  BOOST_TEST((StatisticRegistry::instance().default_names() ==
              Names{"moments", "histogram", "signs", "quantiles"}));
  const Options none = Options::from_text("{}", "test.yaml");
  BOOST_TEST(read_statistics(none).size() == 4u);
  const std::string resolved = none.inline_yaml();
  size_t place = 0;
  for (const char* name : {"moments", "histogram", "signs", "quantiles"}) {
    place = resolved.find(name, place);
    BOOST_TEST(place != std::string::npos, name << " is not in its place in " << resolved);
  }
}

BOOST_AUTO_TEST_CASE(axes_of_default_statistics_are_always_there_and_once) {
  for (const char* chosen : {"{}", "statistics: [moments]", "statistics: [quantiles, histogram]"}) {
    std::vector<ExtraAxis> axes;
    add_axes(kinds(chosen), TensorTraits{1}, axes);
    BOOST_TEST((names(axes) == Names{"bin", "quantile"}), chosen);
    BOOST_TEST(axes[0].labels.at(0).quantity.name == "bin_lower");
    TensorTraits gradients{1, {.lowest_exponent = -48}, "gradient_bin"};
    gradients.of_what = " of gradients";
    add_axes(kinds(chosen), gradients, axes);
    BOOST_TEST((names(axes) == Names{"bin", "quantile", "gradient_bin"}), chosen);
    BOOST_TEST(axes[2].long_name ==
               "bins of the log-linear histogram of gradients, in value order");
  }
}

BOOST_AUTO_TEST_CASE(a_statistic_brings_its_own_axis_but_not_another_of_a_name_that_is_there) {
  std::vector<ExtraAxis> axes;
  add_axes(bringing("threshold", 3), TensorTraits{1}, axes);
  BOOST_TEST((names(axes) == Names{"bin", "quantile", "threshold"}));
  const std::string message =
      error_of([&] { add_axes(bringing("threshold", 4), TensorTraits{1}, axes); });
  for (const char* part : {"'threshold'", "3 entries", "4 entries"})
    BOOST_TEST(contains(message, part), message);
}

BOOST_AUTO_TEST_SUITE_END()
