// Torch's search on a histogram, by hand; range_golden_test.cpp compares it with torch.
#include "quant/ranges/torch_search.h"

#include <boost/test/unit_test.hpp>

#include "tests/quant/helpers.h"

namespace quantdyn::test {

BOOST_AUTO_TEST_SUITE(torch_search)

BOOST_AUTO_TEST_CASE(range_by_hand) {
  // The first step takes the lone value's bin and the empty one's place is kept, 1e-5 of the values
  // lying over it: levels at 0.75 and 2.25, error 50,000 (0.146 + 0.271) + 1.6 = 20,835. The next
  // would take the second bin: levels at 0.25 and 0.75, error 50,000 (0.021 + 0.646) = 33,333.
  const LinearBins bins{.count = 4, .low = 0, .high = 4};
  BOOST_TEST((torch_range(bins, {50000, 50000, 0, 1}, 2) == Range{0, 3}));
  const LinearBins mirrored{.count = 4, .low = -4, .high = 0};
  BOOST_TEST((torch_range(mirrored, {1, 0, 50000, 50000}, 2).high == 0));
}

BOOST_AUTO_TEST_CASE(two_values_lose_a_bin_as_torch_has_it) {
  // As torch 2.15. Its first step is compared with no error, so that it is always taken.
  BOOST_TEST(
      (ranges_of("torch_histogram", "per_tensor", {-1, 1}, 1)[0] == Range{-1, 1 - 2.0 / 2048}));
  BOOST_TEST((ranges_of("torch_histogram", "per_tensor", {0, 0, 0, 0, 5}, 1)[0] ==
              Range{0, 5 - 5.0 / 2048}));
  BOOST_TEST(
      (ranges_of("torch_histogram", "per_tensor", {0.75f, 0.75f}, 1)[0] == Range{0.75, 0.75}));
}

BOOST_AUTO_TEST_CASE(bad_options_are_refused) {
  BOOST_TEST(contains(error_of<ConfigError>([] { estimator("{name: torch_histogram, bins: 1}"); }),
                      "from 2 to 1048576"));
  BOOST_TEST(contains(error_of<ConfigError>([] { estimator("{name: torch_histogram, k: 1}"); }),
                      "k: unknown key"));
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace quantdyn::test
