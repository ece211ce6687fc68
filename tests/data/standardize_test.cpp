#include "data/standardize.h"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstdlib>

#include "framework/base/threads.h"
#include "tests/data/ramp_dataset.h"
#include "tests/data/test_files.h"
#include "tests/skips.h"

using namespace quantdyn;

namespace {

Standardization standardize(const std::string& yaml, const Dataset& data) {
  return StandardizationSettings(Options::from_text(yaml, "test.yaml")).make(data);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(standardization)

BOOST_AUTO_TEST_CASE(channel_statistics_as_computed_by_hand) {
  // Two images of one row: channel 0 holds 0, 2, 100, 102; channel 1 one more each.
  const auto found = channel_statistics(RampDataset(2, {1, 2, 2}));
  BOOST_TEST(found.mean == (std::vector<double>{51, 52}), boost::test_tools::per_element());
  const double deviation = std::sqrt((51 * 51 + 49 * 49 + 49 * 49 + 51 * 51) / 3.0);
  BOOST_TEST(found.deviation == (std::vector<double>{deviation, deviation}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(channel_statistics_have_the_same_bits_for_any_threads) {
  const RampDataset data(77, {5, 3, 3});
  const auto one = channel_statistics(data);
  set_worker_count(3);
  const auto three = channel_statistics(data);
  set_worker_count(1);
  BOOST_TEST(one.mean == three.mean, boost::test_tools::per_element());
  BOOST_TEST(one.deviation == three.deviation, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(modes_give_what_they_say) {
  const RampDataset data(2, {1, 2, 3});
  const auto given = standardize("{mode: given, mean: [1, 2, 3], deviation: 4}", data);
  BOOST_TEST(given.mean == (std::vector<double>{1, 2, 3}), boost::test_tools::per_element());
  BOOST_TEST(given.deviation == (std::vector<double>{4, 4, 4}), boost::test_tools::per_element());
  BOOST_TEST(standardize("{mode: scale, factor: 0.5}", data).deviation[2] == 2);
  BOOST_TEST(standardize("{mode: scale}", data).deviation[0] == 255);
  BOOST_TEST(standardize("{mode: none}", data).deviation[1] == 1);
  BOOST_TEST(standardize("{}", data).mean[0] == channel_statistics(data).mean[0]);
}

BOOST_AUTO_TEST_CASE(bad_settings_are_refused) {
  const RampDataset data(2, {1, 2, 3});
  BOOST_CHECK_THROW(standardize("{mode: given, mean: [1, 2], deviation: 4}", data), ConfigError);
  BOOST_CHECK_THROW(standardize("{mode: given, mean: 0, deviation: 0}", data), ConfigError);
  BOOST_CHECK_THROW(standardize("{mode: given, mean: 0}", data), ConfigError);
  BOOST_CHECK_THROW(standardize("{mode: none, mean: 0}", data), ConfigError);
  BOOST_CHECK_THROW(channel_statistics(RampDataset(1, {1, 1, 3})),
                    ConfigError);  // constant channels
}

/// Expected: the published channel statistics of CIFAR-10, times 255.
BOOST_AUTO_TEST_CASE(real_cifar10_has_its_published_statistics, *test::needs_cifar10()) {
  const char* const directory = std::getenv("QUANTDYN_CIFAR10");
  const auto data = make_dataset(fmt::format("{{name: cifar10, directory: {}}}", directory));
  const auto found = channel_statistics(*data->train);
  // Of the official images; those recompressed as JPEG differ by up to a hundredth.
  const std::vector<double> mean{125.307, 122.950, 113.866}, deviation{62.993, 62.089, 66.705};
  BOOST_TEST(found.mean == mean, boost::test_tools::tolerance(5e-3)
                                     << boost::test_tools::per_element());
  BOOST_TEST(found.deviation == deviation, boost::test_tools::tolerance(2e-2)
                                               << boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
