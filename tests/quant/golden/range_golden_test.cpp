// Range estimators against toolkits: range_golden.txt, made by make_range_golden.py; the ranges are
// equal to the last bit.
#include <algorithm>
#include <array>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <fstream>
#include <map>
#include <sstream>

#include "tests/quant/golden/golden_values.h"
#include "tests/quant/helpers.h"
#include "tests/stats/observe.h"

namespace quantdyn::test {
namespace {

constexpr int64_t rows = 8192, channels = 16, rows_per_image = 8;

/// make_values() of make_range_golden.py.
std::vector<float> make_values() {
  std::vector<float> out;
  for (int64_t i = 0; i < rows * channels; ++i) {
    const auto [u, bell, flat] = golden_draw(i, 54321);
    const double tail = bell * bell * bell * 0x1p-20, x = bell / 64;
    const std::array<double, channels> cases{x,
                                             std::max(x + 0.25, 0.0),
                                             tail * 0x1p-6,
                                             std::max(tail * 0x1p-6, 0.0),
                                             flat * 0x1p-24,
                                             3 + bell * 0x1p-9,
                                             bell * 0x1p-20,
                                             i / channels == 4097 ? 77.7 : x,
                                             bell * 20 + 500,
                                             std::clamp(x, -5.0, 5.0),
                                             std::clamp(x + 0.25, 0.0, 6.0),
                                             std::clamp(tail, -30.0, 50.0),
                                             std::clamp(tail, 0.0, 40.0),
                                             std::nearbyint(std::clamp(x * 8, -60.0, 60.0)),
                                             std::clamp(flat * 0x1p-20 - 1, 0.0, 14.0),
                                             std::clamp(bell / 16, -20.0, 1.0)};
    out.push_back(static_cast<float>(cases[i % channels]));
  }
  return out;
}

/// "{name: kl, rule: onnxruntime, bins: 128, levels: 128}" of "kl" and "bins=128,levels=128".
std::string plugin_of(const std::string& estimator, std::string settings) {
  for (size_t at; (at = settings.find('=')) != std::string::npos;) settings.replace(at, 1, ": ");
  return "{name: " + estimator + (estimator == "kl" ? ", rule: onnxruntime" : "") + ", " +
         settings + "}";
}

std::vector<Range> ranges(const std::string& plugin, const std::string& granularity,
                          const std::vector<float>& x) {
  const auto scheme = quantizer("{name: affine, granularity: " + granularity + "}");
  const auto observer = estimator(plugin)->observe({"golden", channels, scheme.get()});
  do
    cut_up(
        x, rows_per_image, channels, {}, [&](const Tile& tile) { observer->add(tile); },
        [&](int64_t chunk, int worker) { observer->end_chunk(chunk, worker); });
  while (observer->wants_another_pass());
  return observer->ranges();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(range_golden)

BOOST_AUTO_TEST_CASE(ranges_are_those_of_torch_and_onnxruntime) {
  const std::vector<float> x = make_values();
  std::map<std::string, std::vector<Range>> taken;  // by plugin and granularity
  std::map<std::string, int> compared;              // by toolkit and estimator
  std::ifstream file(std::string(TEST_DIRECTORY) + "/golden/range_golden.txt");
  for (std::string line; std::getline(file, line);) {
    std::istringstream fields(line);
    std::string toolkit, name, settings, channel, low, high;
    fields >> toolkit >> name >> settings >> channel >> low >> high;
    const std::string plugin = plugin_of(name, settings);
    const std::string granularity = channel == "all" ? "per_tensor" : "per_channel";
    auto [found, is_new] = taken.try_emplace(plugin + granularity);
    if (is_new) found->second = ranges(plugin, granularity, x);
    const Range& range = found->second[channel == "all" ? 0 : std::stoul(channel)];
    BOOST_TEST((range == Range{std::stod(low), std::stod(high)}),
               line << ": " << range.low << " to " << range.high << ", not " << std::stod(low)
                    << " to " << std::stod(high));
    ++compared[toolkit + " " + name];
  }
  const std::map<std::string, int> expected{{"torch-1.13 moving_average", 51},
                                            {"torch-1.13 torch_histogram", 14},
                                            {"torch-2.15 moving_average", 51},
                                            {"torch-2.15 torch_histogram", 32},
                                            {"onnxruntime-1.32.0 kl", 64}};
  BOOST_TEST((compared == expected));
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace quantdyn::test
