#include "quant/measure/code_statistics.h"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>

#include "quant/measure/quantizer_error.h"
#include "tests/quant/helpers.h"
#include "tests/stats/observe.h"

using namespace quantdyn;
using namespace quantdyn::test;

namespace {

constexpr int64_t rows = 9;

/// Of ranges that clip some values of a standard normal distribution.
std::unique_ptr<Quantization> fitted(const std::string& plugin, int64_t channels) {
  const auto made = quantizer(plugin);
  FittingTask task{"conv1/output", channels, {}, {}};
  for (int64_t i = 0; i < made->granularity().entries(channels); ++i)
    task.ranges.push_back({-2 - 0.1 * static_cast<double>(i), 2.5});
  if (made->needs_values())
    task.values.assign(task.ranges.size(), exact_distribution(random_values(500)));
  return made->fit(task);
}

/// x beside z, what reaches the quantizer.
Frame compared(const Quantization& quantization, const std::vector<float>& x,
               const std::vector<float>& z, int64_t channels, const Cut& cut) {
  Frame frame({0, channels});
  CodeStatistics codes(quantization, channels, cut.workers);
  QuantizerErrors errors(quantization, channels, cut.workers);
  cut_up(
      x, rows, channels, cut,
      [&](const Tile& tile) {
        Tile twin = tile;
        twin.values = z.data() + (tile.values - x.data());
        codes.add(twin);
        errors.add(twin);
        codes.add_reference(tile);
      },
      [&](int64_t chunk, int worker) {
        errors.end_chunk(chunk, worker);
        codes.end_reference_chunk(chunk, worker);
      });
  codes.save(frame, "output", 0);
  errors.save(frame, "output", 0);
  return frame;
}

std::vector<float> noisy(std::vector<float> values) {
  const std::vector<float> noise = random_values(std::ssize(values) + 5);
  for (size_t i = 0; i < values.size(); ++i) values[i] = 0.9f * values[i] + 0.2f * noise[i + 5];
  return values;
}

std::vector<double> channel_of(const std::vector<float>& values, int64_t channels, int64_t c) {
  std::vector<double> out;
  for (size_t i = static_cast<size_t>(c); i < values.size(); i += static_cast<size_t>(channels))
    out.push_back(values[i]);
  return out;
}

/// Mean distance of the values in order: the definition, for as many of both.
double brute_wasserstein(std::vector<double> x, std::vector<double> q) {
  std::ranges::sort(x);
  std::ranges::sort(q);
  double sum = 0;
  for (size_t i = 0; i < x.size(); ++i) sum += std::abs(x[i] - q[i]);
  return sum / static_cast<double>(x.size());
}

const std::vector<std::string> plugins{
    "{name: affine, bit_width: 3}",
    "{name: affine, bit_width: 8}",
    "{name: affine, bit_width: 5, granularity: per_channel, symmetric: true}",
    "{name: affine, bit_width: 4, rounding: stochastic}",
    "{name: float, format: e4m3}",
    "{name: logarithmic, bit_width: 4}",
    "{name: ternary}"};

}  // namespace

BOOST_AUTO_TEST_SUITE(code_statistics_test)

BOOST_AUTO_TEST_CASE(codes_of_a_small_tensor_are_those_counted_by_hand) {
  // Codes 0 to 3 stand for 0, 1, 2, 3.
  const auto made = quantizer("{name: affine, bit_width: 2}");
  const auto q = made->fit({"conv1/output", 1, {{0, 3}}, {}});
  const std::vector<float> z{-1, 0, 0.2f, 1, 5, 3, 2.9f, 2.8f, NAN};
  const Frame frame = compared(*q, z, z, 1, {});
  const auto layer = [&](const std::string& name) {
    return doubles(frame, "layerwise/output/" + name)[0];
  };
  BOOST_TEST(layer("code_occupancy") == 0.75);
  BOOST_TEST(layer("dead_codes") == 1);
  BOOST_TEST(layer("saturated_low") == 3.0 / 8);
  BOOST_TEST(layer("saturated_high") == 4.0 / 8);
  BOOST_TEST(layer("saturation_rate") == 7.0 / 8);
  BOOST_TEST(layer("code_entropy") ==
                 -(0.375 * std::log2(0.375) + 0.5 * std::log2(0.5) + 0.125 * std::log2(0.125)),
             boost::test_tools::tolerance(1e-15));
  BOOST_TEST(layer("cell_kl") == 0);
  for (const char* name : {"clipping_error", "rounding_error", "quantizer_qmse", "wasserstein"})
    BOOST_TEST(std::isnan(layer(name)), name);
}

BOOST_AUTO_TEST_CASE(clipping_and_rounding_of_a_small_tensor_are_those_computed_by_hand) {
  const auto made = quantizer("{name: affine, bit_width: 2}");
  const auto q = made->fit({"conv1/output", 1, {{0, 3}}, {}});
  const std::vector<float> z{-1, 0, 0.25f, 1, 5, 3, 2.5f, 1.75f, 1};
  const Frame frame = compared(*q, z, z, 1, {});
  BOOST_TEST(doubles(frame, "channelwise/output/clipping_error")[0] == 5.0 / 9);
  BOOST_TEST(doubles(frame, "channelwise/output/rounding_error")[0] == 0.375 / 9);
  BOOST_TEST(doubles(frame, "layerwise/output/quantizer_qmse")[0] == 5.0 / 9 + 0.375 / 9);
}

BOOST_AUTO_TEST_CASE(wasserstein_is_that_of_the_sorted_values_within_its_uncertainty) {
  const int64_t channels = 3;
  const auto x = random_values(40 * rows * channels);
  for (const std::string& plugin : plugins) {
    const auto quantization = fitted(plugin, channels);
    for (const std::vector<float>& z : {x, noisy(x)}) {
      const auto q = applied(*quantization, z, channels);
      const Frame frame = compared(*quantization, x, z, channels, {.tile_rows = 1000000});
      for (int64_t c = 0; c < channels; ++c)
        BOOST_TEST_CONTEXT(plugin << ", channel " << c << (z == x ? ", local" : ", propagated")) {
          const double found = doubles(frame, "channelwise/output/wasserstein")[c];
          const double bound = doubles(frame, "channelwise/output/wasserstein_uncertainty")[c];
          // Stochastic rounding draws by place, and `applied` has places of one image.
          if (plugin.find("stochastic") != std::string::npos) continue;
          const double truth =
              brute_wasserstein(channel_of(x, channels, c), channel_of(q, channels, c));
          BOOST_TEST(std::abs(found - truth) <= bound + 1e-12);
          const bool is_nearest = plugin.find("affine") != std::string::npos;
          if (z == x && is_nearest) BOOST_TEST(bound < 1e-8);
          if (z == x && is_nearest) BOOST_TEST(truth > 1e-4);
        }
    }
  }
}

BOOST_AUTO_TEST_CASE(levels_tell_the_codes_that_the_values_ahead_of_the_quantizer_have) {
  const auto x = random_values(8 * rows * 3);
  for (const std::string& plugin : plugins) {
    const auto quantization = fitted(plugin, 3);
    CodeStatistics by_value(*quantization, 3, 1), by_level(*quantization, 3, 1);
    BOOST_TEST(by_value.knows_levels() == (plugin.find("affine") != std::string::npos), plugin);
    if (!by_value.knows_levels()) continue;
    Frame expected({0, 3}), found({0, 3});
    const auto q = applied(*quantization, x, 3);
    by_value.add_codes(whole_tile(View<const float>{x.data(), Shape{8 * rows, 3}}),
                       codes_of(*quantization, x, 3).data());
    by_level.add_levels(whole_tile(View<const float>{q.data(), Shape{8 * rows, 3}}));
    by_value.save(expected, "output", 0);
    by_level.save(found, "output", 0);
    BOOST_TEST(same_bits(found, expected), plugin);
  }
}

BOOST_AUTO_TEST_CASE(a_layer_that_shares_its_levels_has_the_distance_of_all_its_values) {
  const int64_t channels = 3;
  const auto x = random_values(40 * rows * channels);
  const auto q = fitted("{name: affine, bit_width: 4}", channels);
  const auto z = noisy(x);
  const auto twin = applied(*q, z, channels);
  const Frame frame = compared(*q, x, z, channels, {});
  const double truth = brute_wasserstein({x.begin(), x.end()}, {twin.begin(), twin.end()});
  BOOST_TEST(std::abs(doubles(frame, "layerwise/output/wasserstein")[0] - truth) <=
             doubles(frame, "layerwise/output/wasserstein_uncertainty")[0] + 1e-12);
}

BOOST_AUTO_TEST_CASE(clipping_and_rounding_add_up_to_the_error_of_the_quantizer) {
  const int64_t channels = 2;
  const auto x = random_values(40 * rows * channels);
  for (const std::string& plugin : plugins) {
    if (plugin.find("stochastic") != std::string::npos) continue;
    const auto quantization = fitted(plugin, channels);
    const auto q = applied(*quantization, x, channels);
    const Frame frame = compared(*quantization, x, x, channels, {});
    for (int64_t c = 0; c < channels; ++c) {
      long double sum = 0;
      const auto a = channel_of(x, channels, c), b = channel_of(q, channels, c);
      for (size_t i = 0; i < a.size(); ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
      const double qmse = doubles(frame, "channelwise/output/quantizer_qmse")[c];
      BOOST_TEST(qmse == static_cast<double>(sum / a.size()), boost::test_tools::tolerance(1e-13));
      BOOST_TEST(qmse == doubles(frame, "channelwise/output/clipping_error")[c] +
                             doubles(frame, "channelwise/output/rounding_error")[c]);
    }
  }
}

BOOST_AUTO_TEST_CASE(results_have_the_same_bits_for_any_workers_batches_and_tiles) {
  const int64_t channels = 19;
  const auto x = random_values(83 * rows * channels);
  const auto z = noisy(x);
  for (const std::string& plugin : plugins) {
    const auto quantization = fitted(plugin, channels);
    const Frame expected = compared(*quantization, x, z, channels, {});
    for (int64_t batch : {8, 64})
      for (int workers : {1, 2, 3})
        BOOST_TEST(
            same_bits(compared(*quantization, x, z, channels, {batch, workers, 5, 7}), expected),
            plugin);
  }
}

BOOST_AUTO_TEST_CASE(entropy_and_occupancy_stay_within_their_bounds) {
  const int64_t channels = 2;
  const auto x = random_values(40 * rows * channels);
  for (const std::string& plugin : plugins) {
    const auto quantization = fitted(plugin, channels);
    const Frame frame = compared(*quantization, x, noisy(x), channels, {});
    for (double entropy : doubles(frame, "channelwise/output/code_entropy"))
      BOOST_TEST((entropy > 0 && entropy <= quantization->bit_width()));
    for (double share : doubles(frame, "channelwise/output/code_occupancy"))
      BOOST_TEST((share > 0 && share <= 1));
    for (double js : doubles(frame, "channelwise/output/cell_js")) BOOST_TEST((js > 0 && js < 1));
  }
}

BOOST_AUTO_TEST_CASE(values_that_are_levels_have_no_distance_from_themselves) {
  const auto quantization = fitted("{name: affine, bit_width: 4}", 2);
  const auto q = applied(*quantization, random_values(40 * rows * 2), 2);
  const Frame frame = compared(*quantization, q, q, 2, {});
  for (const char* name : {"wasserstein", "cell_kl", "cell_js", "quantizer_qmse"}) {
    BOOST_TEST(doubles(frame, fmt::format("channelwise/output/{}", name)) ==
               (std::vector<double>{0, 0}));
    BOOST_TEST(doubles(frame, fmt::format("layerwise/output/{}", name))[0] == 0);
  }
}

BOOST_AUTO_TEST_CASE(infinite_values_make_distances_infinite) {
  const auto quantization = fitted("{name: affine, bit_width: 4}", 1);
  std::vector<float> x = random_values(8 * rows);
  x[3] = std::numeric_limits<float>::infinity();
  const Frame frame = compared(*quantization, x, x, 1, {});
  BOOST_TEST(doubles(frame, "layerwise/output/wasserstein")[0] == HUGE_VAL);
  BOOST_TEST(doubles(frame, "layerwise/output/clipping_error")[0] == HUGE_VAL);
  BOOST_TEST(doubles(frame, "layerwise/output/rounding_error")[0] < 1);
  BOOST_TEST(doubles(frame, "layerwise/output/cell_kl")[0] == 0);
}

BOOST_AUTO_TEST_CASE(nothing_shown_is_nan) {
  const auto quantization = fitted("{name: affine, bit_width: 4}", 2);
  Frame frame({0, 2});
  CodeStatistics(*quantization, 2, 3).save(frame, "output", 0);
  QuantizerErrors(*quantization, 2, 3).save(frame, "output", 0);
  for (const auto& [path, array] : frame.arrays())
    for (double value : doubles(frame, path)) BOOST_TEST(std::isnan(value), path);
}

BOOST_AUTO_TEST_SUITE_END()
