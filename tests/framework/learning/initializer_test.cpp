#include <boost/test/unit_test.hpp>
#include <cmath>
#include <string>
#include <vector>

#include "framework/graph/layer.h"

using namespace quantdyn;

BOOST_AUTO_TEST_SUITE(initializers)

namespace {
constexpr int64_t fan_in = 50, fan_out = 150;

std::vector<double> filled(const std::string& yaml) {
  const auto options = Options::from_text(yaml, "test.yaml");
  std::vector<double> weight(40000);
  Registry<Initializer>::instance().make(options)->fill(weight, fan_in, fan_out, Rng(3));
  return weight;
}

struct Moments {
  double mean = 0, deviation = 0, smallest = 0, largest = 0;
};

Moments moments(const std::string& yaml) {
  const std::vector<double> weight = filled(yaml);
  Moments out{0, 0, weight[0], weight[0]};
  const auto count = static_cast<double>(weight.size());
  for (double w : weight) {
    out.mean += w / count;
    out.smallest = std::min(out.smallest, w);
    out.largest = std::max(out.largest, w);
  }
  for (double w : weight) out.deviation += (w - out.mean) * (w - out.mean) / count;
  out.deviation = std::sqrt(out.deviation);
  return out;
}
}  // namespace

BOOST_AUTO_TEST_CASE(he_follows_fan_in) {
  const double deviation = std::sqrt(2.0 / fan_in);
  for (const char* name : {"he_normal", "he_uniform"}) {
    const Moments found = moments(fmt::format("name: {}", name));
    BOOST_TEST(found.deviation == deviation, boost::test_tools::tolerance(0.02));
    BOOST_TEST(std::abs(found.mean) < deviation / 50);
    const Moments plain = moments(fmt::format("{{name: {}, gain: 1}}", name));
    BOOST_TEST(plain.deviation == deviation / std::sqrt(2.0), boost::test_tools::tolerance(0.02));
  }
  BOOST_TEST(moments("name: he_uniform").largest == std::sqrt(6.0 / fan_in),
             boost::test_tools::tolerance(0.001));
}

BOOST_AUTO_TEST_CASE(glorot_follows_both_fans) {
  const double deviation = std::sqrt(2.0 / (fan_in + fan_out));
  for (const char* name : {"glorot_normal", "glorot_uniform"}) {
    BOOST_TEST(moments(fmt::format("name: {}", name)).deviation == deviation,
               boost::test_tools::tolerance(0.02));
    BOOST_TEST(moments(fmt::format("{{name: {}, gain: 3}}", name)).deviation == 3 * deviation,
               boost::test_tools::tolerance(0.02));
  }
  BOOST_TEST(moments("name: glorot_uniform").smallest == -std::sqrt(6.0 / (fan_in + fan_out)),
             boost::test_tools::tolerance(0.001));
}

BOOST_AUTO_TEST_CASE(plain_ones_keep_to_what_is_given) {
  const Moments uniform = moments("{name: uniform, low: 1, high: 3}");
  BOOST_TEST((uniform.smallest >= 1 && uniform.largest < 3));
  BOOST_TEST(uniform.mean == 2, boost::test_tools::tolerance(0.01));
  const Moments normal = moments("{name: normal, mean: 5, std: 2}");
  BOOST_TEST(normal.mean == 5, boost::test_tools::tolerance(0.01));
  BOOST_TEST(normal.deviation == 2, boost::test_tools::tolerance(0.02));
  BOOST_TEST(normal.largest > 9);
}

BOOST_AUTO_TEST_CASE(truncated_normal_ends_at_two_deviations) {
  const Moments found = moments("{name: truncated_normal, mean: 5, std: 2}");
  BOOST_TEST((found.smallest >= 1 && found.largest <= 9));
  BOOST_TEST((found.smallest < 1.05 && found.largest > 8.95));
  // sqrt(1 - 4 phi(2) / (2 Phi(2) - 1)) of the deviation is left.
  BOOST_TEST(found.deviation == 2 * 0.8796, boost::test_tools::tolerance(0.02));
}

BOOST_AUTO_TEST_CASE(draws_are_repeatable) {
  for (const char* name : {"he_normal", "truncated_normal", "uniform"}) {
    const std::string yaml = fmt::format("name: {}", name);
    BOOST_TEST(filled(yaml) == filled(yaml));
  }
}

BOOST_AUTO_TEST_CASE(mistakes_are_refused) {
  for (const char* yaml :
       {"{name: uniform, low: 1, high: 1}", "{name: normal, std: 0}", "{name: he_normal, gain: -1}",
        "{name: glorot_normal, std: 1}", "{name: truncated_normal, std: -1}", "name: orthogonal"})
    BOOST_CHECK_THROW(filled(yaml), ConfigError);
}

BOOST_AUTO_TEST_SUITE_END()
