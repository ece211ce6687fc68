// Recorded values and spreads by channel: the same for any cut into tiles, chunks and
// workers.
#include <boost/test/unit_test.hpp>
#include <functional>

#include "quant/ranges/recorder.h"
#include "stats/statistics/channel_spreads.h"
#include "tests/quant/helpers.h"
#include "tests/stats/observe.h"

namespace quantdyn::test {
namespace {

constexpr int64_t rows = 5, channels = 3, images = 19;

/// What `result` of the observer is, after all values.
template <typename Make, typename Result>
auto watched(const std::vector<float>& x, const Cut& cut, const Make& make, const Result& result) {
  const int before = worker_count();
  set_worker_count(cut.workers);
  auto observer = make();
  cut_up(
      x, rows, channels, cut, [&](const Tile& tile) { observer.add(tile); },
      [&](int64_t chunk, int worker) { observer.end_chunk(chunk, worker); });
  auto out = std::invoke(result, observer);
  set_worker_count(before);
  return out;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(observers)

BOOST_AUTO_TEST_CASE(spreads_have_the_means_of_their_channels) {
  const std::vector<float> x = random_values(images * rows * channels, 3, 2);
  const auto means = [&](const Cut& cut) {
    std::vector<double> out;
    for (const Spread& channel : watched(
             x, cut, [] { return SpreadObserver(channels); }, &SpreadObserver::spreads))
      out.push_back(channel.mean);
    return out;
  };
  for (int64_t c = 0; c < channels; ++c) {
    double sum = 0;
    for (size_t i = static_cast<size_t>(c); i < x.size(); i += channels) sum += x[i];
    BOOST_TEST(means({})[c] == sum / (images * rows), boost::test_tools::tolerance(1e-13));
  }
  for (const Cut& cut : {Cut{16, 3, 2, 2}, Cut{24, 2, 100, 1}}) BOOST_TEST(means(cut) == means({}));
  BOOST_TEST(SpreadObserver(2).spreads()[1].count == 0);
}

BOOST_AUTO_TEST_CASE(a_recorder_keeps_images_in_their_order) {
  const std::vector<float> x = random_values(images * rows * channels);
  for (const Cut& cut : {Cut{}, Cut{16, 3, 2, 2}, Cut{24, 2, 100, 1}}) {
    const Tensor<float> kept = watched(
        x, cut,
        [] {
          return Recorder({rows, channels});
        },
        &Recorder::finish);
    BOOST_TEST((kept.shape() == Shape{images, rows, channels}));
    BOOST_TEST(std::ranges::equal(kept.values(), x));
  }
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace quantdyn::test
