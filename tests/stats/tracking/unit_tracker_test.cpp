// One tracker for all taps of a unit writes what a tracker at each tap would, to the last bit.
#include "stats/tracking/unit_tracker.h"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <vector>

#include "stats/tracking/tracker.h"
#include "tests/stats/observe.h"

using namespace quantdyn;

namespace {

constexpr int64_t rows = 5, channels = 64;  // enough channels that one count for two taps pays

StatisticKinds kinds() {
  return read_statistics(Options::from_text(
      "statistics: [moments, histogram, signs, {name: quantiles, exact: true}]", "test.yaml"));
}

/// The values of each tap, [images, rows, channels].
struct Shown {
  std::vector<float> conv, norm, output;
};

/// y = 0.75 x + 0.125, falling in every third channel.
TapMap norm_map() {
  static const std::vector<float> scale = [] {
    std::vector<float> out(channels, 0.75f);
    for (int64_t c = 0; c < channels; c += 3) out[c] = -0.75f;
    return out;
  }();
  return {scale, [](float* values, int64_t count) {
            for (int64_t i = 0; i < count * channels; ++i)
              values[i] = values[i] * scale[i % channels] + 0.125f;
          }};
}

Shown show(FusedActivation activation) {
  Shown out;
  out.conv = random_values(43 * rows * channels, 3, 4);
  const float infinity = std::numeric_limits<float>::infinity();
  const float special[] = {NAN, infinity, -infinity, -0.0f, 0.0f, 6.0f, 6.25f, 100.0f, 1e-30f};
  for (size_t i = 0; i < std::size(special); ++i) out.conv[29 * i + 7] = special[i];
  out.norm = out.conv;
  norm_map().apply(out.norm.data(), static_cast<int64_t>(out.norm.size()) / channels);
  out.output = out.norm;
  for (float& value : out.output) value = ends_of(activation).clip(value);
  return out;
}

/// Each tile of conv, then of norm, then of output, as an evaluator shows them.
void show_all(const Shown& shown, const Cut& cut, const std::vector<TapKind>& taps,
              UnitTracker& tracker) {
  const auto& first = shown.conv;
  cut_up(
      first, rows, channels, cut,
      [&](const Tile& tile) {
        const auto at = tile.values - first.data();
        for (TapKind kind : taps) {
          Tile own = tile;
          own.values = (kind == TapKind::conv   ? shown.conv
                        : kind == TapKind::norm ? shown.norm
                                                : shown.output)
                           .data() +
                       at;
          tracker.observer(kind).add(own);
        }
      },
      [&](int64_t chunk, int worker) {
        for (TapKind kind : taps) tracker.observer(kind).end_chunk(chunk, worker);
      });
}

void track_alone(const std::vector<float>& x, const char* tensor, Frame& frame) {
  Tracker tracker(channels, 1, kinds());
  do {
    cut_up(
        x, rows, channels, {}, [&](const Tile& tile) { tracker.add(tile); },
        [&](int64_t chunk, int worker) { tracker.end_chunk(chunk, worker); });
  } while (tracker.another_pass());
  tracker.finish(frame, tensor, 0);
}

Frame track_unit(const Shown& shown, const UnitValues& values, const Cut& cut) {
  UnitTracker tracker(values, cut.workers, kinds());
  do {
    show_all(shown, cut, values.taps, tracker);
  } while (tracker.another_pass());
  Frame frame({0, channels});
  tracker.finish(frame, 0);
  return frame;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(unit_tracker_test)

BOOST_AUTO_TEST_CASE(a_unit_writes_what_a_tracker_at_each_tap_would) {
  using enum TapKind;
  BOOST_TEST(MappedCounts::pays(channels, LogBins{}));
  for (const FusedActivation activation :
       {FusedActivation::none, FusedActivation::relu, FusedActivation::relu6}) {
    const Shown shown = show(activation);
    Frame alone({0, channels});
    track_alone(shown.conv, "conv", alone);
    track_alone(shown.norm, "norm", alone);
    track_alone(shown.output, "output", alone);
    for (const int workers : {1, 3})
      for (const bool is_mapped : {false, true})
        for (const bool is_fed : {false, true}) {
          UnitValues values{channels, {conv, norm, output}, {}, {}};
          if (is_mapped) values.norm_of_conv = norm_map();
          if (is_fed) values.output_of_norm = activation;
          const Cut cut{.batch = 16, .workers = workers};
          BOOST_TEST(same_bits(track_unit(shown, values, cut), alone),
                     "activation " << static_cast<int>(activation) << ", " << workers
                                   << " workers, mapped " << is_mapped << ", fed " << is_fed);
        }
  }
}

BOOST_AUTO_TEST_CASE(a_unit_without_a_norm_has_its_output_alone) {
  const Shown shown = show(FusedActivation::none);
  Frame alone({0, channels});
  track_alone(shown.output, "output", alone);
  const UnitValues values{channels, {TapKind::output}, {}, {}};
  BOOST_TEST(same_bits(track_unit(shown, values, {}), alone));
}

BOOST_AUTO_TEST_CASE(taps_that_showed_nothing_have_count_zero) {
  using enum TapKind;
  Frame frame({0, channels});
  UnitTracker tracker({channels, {conv, norm, output}, norm_map(), FusedActivation::relu}, 3,
                      kinds());
  BOOST_TEST(!tracker.another_pass());
  tracker.finish(frame, 0);
  for (const char* tensor : {"conv", "norm", "output"})
    BOOST_TEST(counts(frame, std::string("layerwise/") + tensor + "/count")[0] == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
