// What holds for every range estimator: ranges do not depend on how the images came, and values
// that no range can be taken from are errors. A new plugin is in here by being registered.
#include <array>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <functional>
#include <limits>

#include "quant/quantizers/quantizer_traits.h"
#include "tests/quant/helpers.h"
#include "tests/stats/observe.h"

namespace quantdyn::test {
namespace {

using Floats = std::vector<float>;
using Ranges = std::vector<Range>;

constexpr int64_t channels = 17, images = 75;  // nine chunks and a part of one
const char* const granularities[] = {"per_tensor", "per_channel", "per_group, group_size: 3"};

/// An estimator, and what it watches.
struct Watched {
  std::string estimator, granularity;
  TensorKind kind;

  /// A weight is one chunk, and logits have one row an image.
  int64_t rows() const {
    return kind == TensorKind::logits ? 1 : kind == TensorKind::weight ? 9 : 5;
  }
  int64_t image_count() const { return kind == TensorKind::weight ? 8 : images; }
};
std::ostream& operator<<(std::ostream& out, const Watched& w) {
  return out << w.estimator << " " << w.granularity << " of "
             << (w.kind == TensorKind::weight ? "a weight" : "an activation");
}

/// Calls check() for all estimators, on whatever they accept, with every granularity.
void for_all(const std::function<void(const Watched&)>& check) {
  for (const auto& [name, entry] : RangeEstimatorRegistry::instance().entries())
    for (const TensorKind kind : {TensorKind::weight, TensorKind::activation, TensorKind::logits})
      for (const char* granularity : granularities) {
        if (!estimator(name)->refusal(kind).empty()) continue;
        const Watched watched{name, granularity, kind};
        BOOST_TEST_CONTEXT(watched) check(watched);
      }
}

/// Values with long tails; the first channels are tiny, huge, zero, one value, negative, relu'd.
Floats make_values(const Watched& watched) {
  Floats out = random_values(watched.image_count() * watched.rows() * channels, 0.1f);
  for (size_t i = 0; i < out.size(); ++i) {
    const float x = out[i] * out[i] * out[i];
    const float cases[] = {x * 1e-9f, x * 1e5f, 0, 0.75f, -std::abs(x), std::max(x, 0.0f)};
    out[i] = i % channels < 6 ? cases[i % channels] : x;
  }
  return out;
}

std::unique_ptr<Quantizer> quantizer_of(const Watched& watched) {
  return quantizer("{name: affine, bit_width: 4, granularity: " + watched.granularity + "}");
}

Ranges observed(const Watched& watched, const Floats& values, const Cut& cut) {
  const int before = worker_count();
  set_worker_count(cut.workers);
  const auto scheme = quantizer_of(watched);
  const auto observer =
      estimator(watched.estimator)->observe({"conv1/output", channels, scheme.get(), watched.kind});
  try {
    do
      cut_up(
          values, watched.rows(), channels, cut, [&](const Tile& tile) { observer->add(tile); },
          [&](int64_t chunk, int worker) { observer->end_chunk(chunk, worker); });
    while (observer->wants_another_pass());
    const Ranges out = observer->ranges();
    set_worker_count(before);
    return out;
  } catch (...) {
    set_worker_count(before);
    throw;
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(estimator_contract)

BOOST_AUTO_TEST_CASE(ranges_do_not_depend_on_batches_tiles_or_workers) {
  for_all([](const Watched& watched) {
    const Floats x = make_values(watched);
    const Ranges reference = observed(watched, x, {});
    for (const Cut& cut : {Cut{16, 1, 1, 5}, Cut{24, 2, 3, 16}, Cut{40, 3, 100, 1000}})
      BOOST_TEST((observed(watched, x, cut) == reference),
                 "batches of " << cut.batch << ", " << cut.workers << " workers");
  });
}

BOOST_AUTO_TEST_CASE(there_is_a_finite_range_for_each_entry_that_the_quantizer_can_cover) {
  for_all([](const Watched& watched) {
    const Ranges ranges = observed(watched, make_values(watched), {});
    const auto scheme = quantizer_of(watched);
    BOOST_TEST(static_cast<int64_t>(ranges.size()) == scheme->granularity().entries(channels));
    for (const Range& range : ranges)
      BOOST_TEST((std::isfinite(range.low) && std::isfinite(range.high) && range.low <= range.high),
                 range.low << " to " << range.high);
    BOOST_CHECK_NO_THROW(scheme->fit({"conv1/output", channels, ranges, {}}));
  });
}

BOOST_AUTO_TEST_CASE(a_tensor_of_one_value_has_the_range_of_that_value) {
  for_all([](const Watched& watched) {
    for (const float value : {0.0f, 0.75f, -3e-20f, 1e6f}) {
      const Floats x(static_cast<size_t>(watched.image_count() * watched.rows() * channels), value);
      for (const Range& range : observed(watched, x, {})) {
        BOOST_TEST(range.low <= range.high);
        BOOST_TEST(std::min(std::abs(range.low - value), std::abs(range.high - value)) <=
                   std::abs(value) * 1e-6);
        BOOST_TEST(range.low >= std::min(value, 0.0f));
        BOOST_TEST(range.high <= std::max(value, 0.0f));
      }
    }
  });
}

BOOST_AUTO_TEST_CASE(values_that_are_not_finite_are_an_error_that_names_their_place) {
  for_all([](const Watched& watched) {
    const int64_t chunk_rows = 8 * watched.rows();
    const bool is_weight = watched.kind == TensorKind::weight;
    for (const float bad :
         {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
      Floats x = make_values(watched);
      x[((is_weight ? 0 : 2 * chunk_rows) + 3) * channels + 1] = bad;
      x[((is_weight ? 0 : 3 * chunk_rows) + 1) * channels + 2] = bad;
      BOOST_TEST(error_of<Error>([&] {
                   observed(watched, x, {16, 2, 8, 2});
                 }) ==
                 "conv1/output: channel 1 holds a NaN or an infinity; a range needs finite values");
    }
  });
}

BOOST_AUTO_TEST_CASE(nothing_observed_is_an_error) {
  for_all([](const Watched& watched) {
    BOOST_TEST(contains(error_of<Error>([&] { observed(watched, {}, {}); }),
                        "conv1/output: channel 0 has no values to take a range from"));
    const auto scheme = quantizer_of(watched);
    const auto observer = estimator(watched.estimator)
                              ->observe({"conv1/output", channels, scheme.get(), watched.kind});
    BOOST_TEST(contains(error_of<Error>([&] { observer->ranges(); }), "has no values"));
  });
}

BOOST_AUTO_TEST_CASE(every_quantizer_has_ranges_from_every_estimator) {
  const Watched all{"", "per_tensor", TensorKind::logits};
  for (const auto& [quantizer_name, quantizer_entry] : QuantizerRegistry::instance().entries())
    for (const auto& [name, entry] : RangeEstimatorRegistry::instance().entries()) {
      const auto scheme = quantizer(quantizer_name);
      const auto observer = estimator(name)->observe({"logits", 17, scheme.get(), all.kind});
      const Floats x = make_values(all);
      do
        cut_up(
            x, 1, channels, {}, [&](const Tile& tile) { observer->add(tile); },
            [&](int64_t chunk, int worker) { observer->end_chunk(chunk, worker); });
      while (observer->wants_another_pass());
      for (const Range& range : observer->ranges())
        BOOST_TEST(
            (std::isfinite(range.low) && std::isfinite(range.high) && range.low < range.high),
            quantizer_name << " by " << name << ": " << range.low << " to " << range.high);
    }
}

BOOST_AUTO_TEST_CASE(estimators_know_on_which_sides_of_zero_levels_are) {
  const auto traits = [](const char* plugin) {
    const auto q = quantizer(plugin);
    return std::array{always_holds_zero(*q), is_symmetric(*q), has_one_sided_levels(*q)};
  };
  BOOST_TEST((traits("affine") == std::array{true, false, true}));
  BOOST_TEST((traits("{name: affine, widen_to_zero: false}") == std::array{false, false, true}));
  BOOST_TEST((traits("{name: affine, symmetric: true}") == std::array{true, true, false}));
  BOOST_TEST(
      (traits("{name: affine, symmetric: true, signed: auto}") == std::array{true, true, true}));
  BOOST_TEST((traits("logarithmic") == std::array{true, true, false}));
  BOOST_TEST((traits("codebook") == std::array{false, false, true}));
  BOOST_TEST((traits("ternary") == std::array{true, true, false}));
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace quantdyn::test
