// The estimator cross_entropy: the error by hand, the best candidate, and where it is refused.
#include <boost/test/unit_test.hpp>
#include <cmath>

#include "quant/ranges/logits_error.h"
#include "quant/ranges/range_search.h"
#include "tests/quant/helpers.h"
#include "tests/stats/observe.h"

namespace quantdyn::test {
namespace {

using Floats = std::vector<float>;
using Ranges = std::vector<Range>;

constexpr int64_t classes = 5;

/// Logits [images, classes] of a net that is sure of most images; one of them has a huge negative
/// logit, which no answer depends on.
Floats make_logits(int64_t images) {
  Floats out = random_values(images * classes, 0, 2);
  out[7] = -100;
  return out;
}

Ranges observed(const std::string& estimator_plugin, const Quantizer& quantizer, const Floats& x) {
  const auto observer = estimator(estimator_plugin)
                            ->observe({"logits/output", classes, &quantizer, TensorKind::logits});
  cut_up(
      x, 1, classes, {}, [&](const Tile& tile) { observer->add(tile); },
      [&](int64_t chunk, int worker) { observer->end_chunk(chunk, worker); });
  return observer->ranges();
}

double error_of_ranges(const Quantizer& quantizer, const Floats& x, const Ranges& ranges) {
  const Shape shape{static_cast<int64_t>(x.size()) / classes, classes};
  const Floats y = applied(*quantizer.fit({"logits", classes, ranges, {}}), x, classes);
  return LogitsError({x.data(), shape})({y.data(), shape});
}

}  // namespace

BOOST_AUTO_TEST_SUITE(cross_entropy)

BOOST_AUTO_TEST_CASE(error_by_hand) {
  // p = (1/4, 3/4), r = (1/2, 1/2); then p = r.
  const Floats x{0, std::log(3.0f), 5, 5}, y{2, 2, -1, -1};
  const LogitsError error({x.data(), {2, 2}});
  BOOST_TEST(error({y.data(), {2, 2}}) == std::log(2), boost::test_tools::tolerance(1e-7));
  const double entropy = -(0.25 * std::log(0.25) + 0.75 * std::log(0.75));
  BOOST_TEST(error({x.data(), {2, 2}}) == (entropy + std::log(2)) / 2,
             boost::test_tools::tolerance(1e-7));
  const Floats sure{1000, -1000};
  BOOST_TEST(LogitsError({sure.data(), {1, 2}})({sure.data(), {1, 2}}) == 0);
}

BOOST_AUTO_TEST_CASE(range_is_about_the_best_candidate) {
  const Floats x = make_logits(200);
  for (const char* scheme : {"symmetric: true", "symmetric: false", "widen_to_zero: false"}) {
    const auto q = quantizer(fmt::format("{{name: affine, bit_width: 4, {}}}", scheme));
    const Range found = observed("{name: cross_entropy, steps: 4}", *q, x)[0];
    Floats sorted = x;
    std::ranges::sort(sorted);
    const RangeCandidates candidates({sorted.front(), sorted.back()}, sorted[x.size() / 2 - 1], *q,
                                     {4, 6, SearchOptions::Ends::apart});
    double best = HUGE_VAL;
    for (int64_t i = 0; i < candidates.low_count(); ++i)
      for (int64_t j = 0; j < candidates.high_count(); ++j)
        best = std::min(best, error_of_ranges(*q, x, {candidates.at(i, j)}));
    const double entropy = error_of_ranges(*quantizer("{name: affine, bit_width: 16}"), x,
                                           {{sorted.front(), sorted.back()}});
    BOOST_TEST(error_of_ranges(*q, x, {found}) - entropy <= 1.01 * (best - entropy), scheme);
  }
}

BOOST_AUTO_TEST_CASE(a_logit_that_decides_nothing_is_clipped) {
  const Floats x = make_logits(200);
  const auto q = quantizer("{name: affine, bit_width: 4}");
  BOOST_TEST(observed("cross_entropy", *q, x)[0].low > -20);
  BOOST_TEST(observed("cross_entropy", *q, x)[0].low > observed("mse", *q, x)[0].low);
}

BOOST_AUTO_TEST_CASE(classes_are_drawn_in_by_the_same_factors) {
  const Floats x = make_logits(200);
  const auto q = quantizer("{name: affine, bit_width: 3, granularity: per_channel}");
  const Ranges ends = observed("minmax", *q, x), found = observed("cross_entropy", *q, x);
  const double low = found[0].low / ends[0].low, high = found[0].high / ends[0].high;
  for (int64_t c = 0; c < classes; ++c) {
    BOOST_TEST(found[c].low == low * ends[c].low, boost::test_tools::tolerance(1e-12));
    BOOST_TEST(found[c].high == high * ends[c].high, boost::test_tools::tolerance(1e-12));
  }
  BOOST_TEST(error_of_ranges(*q, x, found) < error_of_ranges(*q, x, ends));
}

BOOST_AUTO_TEST_CASE(anything_but_logits_is_refused) {
  for (const TensorKind kind : {TensorKind::weight, TensorKind::activation})
    BOOST_TEST(contains(estimator("cross_entropy")->refusal(kind),
                        "accepted: the output of the last node"));
  BOOST_TEST(contains(
      error_of<ConfigError>([] { variant("{name: a, activations: {estimator: cross_entropy}}"); }),
      "node 'input': cross_entropy weighs a net's answers"));
  BOOST_CHECK_NO_THROW(
      variant("{name: a, activations: {}, overrides: [{nodes: logits, activations: {estimator: "
              "cross_entropy}}]}"));
  BOOST_TEST(contains(
      error_of<Error>([] { ranges_of("cross_entropy", "per_tensor", Floats(90, 1.0f), 2); }),
      "more than one row of values per image"));
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace quantdyn::test
