// Which statistics are taken by default, the axes that statistics bring, and their state.
#include "stats/tracking/statistic.h"

#include <boost/test/unit_test.hpp>
#include <cmath>

#include "framework/base/state_bytes.h"
#include "tests/errors.h"
#include "tests/stats/observe.h"

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

constexpr int64_t rows = 5, channels = 3;

/// What a statistic gathers from the chunks [first, end) of x [images, rows, channels].
std::unique_ptr<Statistic> gathered(const StatisticKind& kind, const std::vector<float>& x,
                                    int64_t first, int64_t end) {
  std::unique_ptr<Statistic> out = kind.make(TensorTraits{channels});
  const auto is_shown = [&](int64_t chunk) { return first <= chunk && chunk < end; };
  cut_up(
      x, rows, channels, {},
      [&](const Tile& tile) {
        if (is_shown(tile.chunk)) out->add(tile);
      },
      [&](int64_t chunk, int) {
        if (is_shown(chunk)) out->end_chunk(chunk);
      });
  return out;
}

Frame saved(Statistic& statistic) {
  Frame frame({0, channels});
  statistic.save(frame, "output", 0);
  return frame;
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

BOOST_AUTO_TEST_CASE(what_another_process_gathered_merges_to_the_bits_of_one) {
  auto x = random_values(43 * rows * channels, 3, 2);  // six chunks, the last of three images
  x[1] = -INFINITY;
  x[x.size() - 1] = std::nanf("");
  for (const auto& [name, entry] : StatisticRegistry::instance().entries()) {
    const StatisticKind kind = kinds("statistics: [" + name + "]").front();
    if (!kind.make) continue;
    const Frame all = saved(*gathered(kind, x, 0, 6));
    for (int64_t first : {0, 1, 3, 6}) {
      State state;
      gathered(kind, x, first, 6)->visit_state(StateVisitor::saving(state));
      const State sent = state_of(bytes_of(state));
      const auto right = kind.make(TensorTraits{channels});
      right->visit_state(StateVisitor::loading(sent));
      const auto left = gathered(kind, x, 0, first);
      left->merge(std::move(*right));
      BOOST_TEST(same_bits(saved(*left), all), name);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
