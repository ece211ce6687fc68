// The affine quantizer against torch's observers and fake quantization: torch_golden.txt, made by
// make_golden.py; equal to the last bit.
#include <algorithm>
#include <array>
#include <bit>
#include <boost/test/unit_test.hpp>
#include <fstream>
#include <map>
#include <sstream>

#include "tests/quant/helpers.h"

namespace quantdyn::test {
namespace {

constexpr int64_t rows = 6400;
constexpr int64_t channels = 16;

/// make_values() of make_golden.py.
std::vector<float> make_values() {
  std::vector<float> out;
  for (int64_t i = 0; i < rows * channels; ++i) {
    auto hash = static_cast<uint32_t>(static_cast<uint64_t>(i) * 2654435761u + 12345u);
    hash ^= hash >> 15;
    hash *= 2246822519u;
    hash ^= hash >> 13;
    const int64_t u = hash;
    const auto bell =
        static_cast<double>((u & 255) + (u >> 8 & 255) + (u >> 16 & 255) + (u >> 24) - 510);
    const auto flat = static_cast<double>(u >> 8);
    const std::array<double, 11> cases{0,
                                       0.75,
                                       static_cast<double>(u % 511) / 128,
                                       static_cast<double>(u % 511 - 254) / 128,
                                       3 + flat * 0x1p-23,
                                       -5 + flat * 0x1p-24,
                                       bell * 0x1p-140,
                                       i / channels == 77 ? 1e6 : bell / 256,
                                       std::max(bell / 256, 0.0),
                                       bell * 0x1p-20,
                                       flat * 0x1p-24};
    const int64_t channel = i % channels;
    out.push_back(static_cast<float>(channel < 11 ? cases[channel] : bell / 256));
  }
  return out;
}

std::string hash_of(const std::vector<float>& values) {
  uint64_t state = 0xcbf29ce484222325u;
  for (const float value : values)
    for (const auto byte : std::bit_cast<std::array<uint8_t, 4>>(value))
      state = (state ^ byte) * 0x100000001b3u;
  return fmt::format("{:016x}", state);
}

/// Torch's conventions, from a case's name: "channel_signed_symmetric_8".
std::string plugin_of(const std::string& name) {
  std::string out =
      "{name: affine, scaling: reciprocal, bit_width: " + name.substr(name.rfind('_') + 1);
  out += contains(name, "unsigned") ? ", signed: false" : ", signed: true";
  if (contains(name, "symmetric")) out += ", symmetric: true, symmetric_divisor: half_span";
  if (contains(name, "channel_")) out += ", granularity: per_channel";
  return out + "}";
}

std::vector<float> column(const std::vector<float>& values, int64_t channel) {
  std::vector<float> out;
  for (int64_t r = 0; r < rows; ++r) out.push_back(values[r * channels + channel]);
  return out;
}

struct Fitted {
  std::unique_ptr<Quantization> quantization;
  std::vector<float> y;
};
Fitted fit(const std::string& name, const std::vector<float>& x, int64_t channel_count) {
  const auto scheme = quantizer(plugin_of(name));
  const auto observer = estimator("minmax")->observe({name, channel_count, scheme.get()});
  show(x, channel_count, *observer);
  Fitted out{scheme->fit({name, channel_count, observer->ranges(), {}}), {}};
  out.y = applied(*out.quantization, x, channel_count);
  return out;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(golden)

BOOST_AUTO_TEST_CASE(affine_equals_torch_to_the_last_bit) {
  const std::vector<float> x = make_values();
  std::ifstream file(std::string(TEST_DIRECTORY) + "/torch_golden.txt");
  std::map<std::string, Fitted> whole;  // per-channel cases, quantized at once
  int compared = 0;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("#")) continue;
    std::istringstream fields(line);
    std::string name, scale, hash;
    int64_t channel = 0;
    int32_t zero_point = 0;
    fields >> name >> channel >> scale >> zero_point >> hash;
    const bool is_per_channel = name.starts_with("channel_");
    if (is_per_channel && !whole.contains(name)) whole.emplace(name, fit(name, x, channels));
    Fitted single;
    if (!is_per_channel) single = fit(name, column(x, channel), 1);
    const Fitted& fitted = is_per_channel ? whole.at(name) : single;
    const auto found = fitted.quantization->affine(is_per_channel ? channel : 0);
    BOOST_TEST_CONTEXT(line) {
      BOOST_TEST(found->scale == std::stof(scale));
      BOOST_TEST(found->zero_point == zero_point);
      BOOST_TEST(hash_of(is_per_channel ? column(fitted.y, channel) : fitted.y) == hash);
    }
    ++compared;
  }
  BOOST_TEST(compared == 10 * channels);
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace quantdyn::test
