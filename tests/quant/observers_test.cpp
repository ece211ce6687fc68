// Channel means and recorded values: exact, and the same for any cut into tiles, chunks and
// workers.
#include <boost/test/unit_test.hpp>
#include <cmath>

#include "quant/channel_means.h"
#include "quant/recorder.h"
#include "tests/quant/helpers.h"
#include "tests/stats/observe.h"

namespace quantdyn::test {
namespace {

constexpr int64_t rows = 5, channels = 3, images = 19;

template <typename Watch>
auto watched(const std::vector<float>& x, const Cut& cut, const Watch& make) {
  const int before = worker_count();
  set_worker_count(cut.workers);
  auto observer = make();
  cut_up(
      x, rows, channels, cut, [&](const Tile& tile) { observer.add(tile); },
      [&](int64_t chunk, int worker) { observer.end_chunk(chunk, worker); });
  auto out = observer.finish();
  set_worker_count(before);
  return out;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(observers)

BOOST_AUTO_TEST_CASE(channel_means_are_means) {
  const std::vector<float> x = random_values(images * rows * channels, 3, 2);
  const auto means = watched(x, {}, [] { return ChannelMeans(channels); });
  for (int64_t c = 0; c < channels; ++c) {
    double sum = 0;
    for (size_t i = static_cast<size_t>(c); i < x.size(); i += channels) sum += x[i];
    BOOST_TEST(means[c] == sum / (images * rows), boost::test_tools::tolerance(1e-13));
  }
  for (const Cut& cut : {Cut{16, 3, 2, 2}, Cut{24, 2, 100, 1}})
    BOOST_TEST(watched(x, cut, [] { return ChannelMeans(channels); }) == means);
  BOOST_TEST(std::isnan(ChannelMeans(2).finish()[1]));
}

BOOST_AUTO_TEST_CASE(a_recorder_keeps_images_in_their_order) {
  const std::vector<float> x = random_values(images * rows * channels);
  for (const Cut& cut : {Cut{}, Cut{16, 3, 2, 2}, Cut{24, 2, 100, 1}}) {
    const Tensor<float> kept = watched(x, cut, [] { return Recorder({rows, channels}); });
    BOOST_TEST((kept.shape() == Shape{images, rows, channels}));
    BOOST_TEST(std::ranges::equal(kept.values(), x));
  }
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace quantdyn::test
