// The estimators mse and lp: by hand, and against the best candidate on the values themselves.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <random>

#include "quant/ranges/entry_values.h"
#include "quant/ranges/range_search.h"
#include "tests/quant/helpers.h"

namespace quantdyn::test {
namespace {

using Floats = std::vector<float>;
using Ranges = std::vector<Range>;

const char* const all_data[] = {"gaussian", "laplace", "relu'd", "outliers",
                                "shifted",  "tiny",    "huge"};

Floats draw(const std::string& name, size_t count) {
  std::mt19937 generator(1);
  std::normal_distribution<double> normal;
  std::exponential_distribution<double> exponential;
  Floats out(count);
  for (float& x : out) {
    const double z = normal(generator), e = exponential(generator);
    x = static_cast<float>(name == "laplace"   ? std::copysign(e, z)
                           : name == "relu'd"  ? std::max(z + 0.3, 0.0)
                           : name == "shifted" ? 2 * z + 1
                           : name == "tiny"    ? 3e-8 * z
                           : name == "huge"    ? 1e5 * std::copysign(e, z)
                                               : z);
  }
  for (size_t i = 0; name == "outliers" && i < count; i += 20000) out[i] *= 30;
  return out;
}

/// The error of a range, value by value.
double error_of_range(const Quantizer& quantizer, const Floats& values, const Range& range,
                      double p) {
  const Floats y = applied(*quantizer.fit({"tensor", 1, {range}, {}}), values);
  double sum = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    const double error = std::abs(static_cast<double>(values[i]) - y[i]);
    sum += p == 2 ? error * error : std::pow(error, p);
  }
  return sum;
}

/// How much more error a range has, value by value, than the best candidate of a search.
double excess(const Range& found, const Quantizer& quantizer, const Floats& values,
              const std::string& search, double p) {
  Floats sorted = values;
  std::ranges::sort(sorted);
  const RangeCandidates candidates(
      {sorted.front(), sorted.back()}, sorted[(sorted.size() - 1) / 2], quantizer,
      SearchOptions::read(Options::from_text("{" + search + "}", "test.yaml")));
  double best = HUGE_VAL;
  for (int64_t low = 0; low < candidates.low_count(); ++low)
    for (int64_t high = 0; high < candidates.high_count(); ++high)
      best = std::min(best, error_of_range(quantizer, values, candidates.at(low, high), p));
  return error_of_range(quantizer, values, found, p) / best - 1;
}

/// Keeps values as they are up to its range's upper end, times two beyond it.
class Doubling : public Quantizer {
 public:
  int bit_width() const override { return 8; }
  Granularity granularity() const override { return Granularity::per_group(3); }
  double width(const Range& range) const override { return range.high - range.low; }
  bool needs_values() const override { return true; }
  std::unique_ptr<Quantization> fit(const FittingTask& task) const override {
    if (task.values.size() != task.ranges.size() || task.values[0].values.empty())
      throw_error<Error>("no values");
    return std::make_unique<Fitted>(task);
  }

 private:
  class Fitted : public Quantization {
   public:
    explicit Fitted(const FittingTask& task)
        : Quantization(Granularity::per_group(3), task.channels), ranges_(task.ranges) {}
    void apply(const MutableTile& tile) const override {
      for (int64_t r = 0; r < tile.rows; ++r)
        for (int64_t c = 0; c < tile.channels; ++c) {
          float& x = tile.values[r * tile.row_stride + c];
          if (x > ranges_.at(static_cast<size_t>(entry_of(tile.first_channel + c))).high) x *= 2;
        }
    }
    int bit_width() const override { return 8; }
    void codes(const Tile&, int32_t*) const override {}
    std::vector<float> levels(int64_t) const override { return std::vector<float>(256); }
    int32_t first_code() const override { return 0; }
    bool at_smallest_scale(int64_t) const override { return false; }

   private:
    std::vector<Range> ranges_;
  };
};

std::string affine(int bits, const std::string& options) {
  return fmt::format("{{name: affine, bit_width: {}, smallest_scale: 1e-30, {}}}", bits, options);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(lp_estimators)

BOOST_AUTO_TEST_CASE(at_most_one_percent_more_error_than_the_best_candidate) {
  double worst = 0;
  const auto check = [&](const std::string& data, const std::string& scheme,
                         const std::string& search, double p) {
    const Floats x = draw(data, 60000);
    const auto q = quantizer(scheme);
    const Range found = ranges_for(*q, fmt::format("{{name: lp, p: {}, {}}}", p, search), x, 1)[0];
    const double more = excess(found, *q, x, search, p);
    BOOST_TEST(more <= 0.01, data << " " << scheme << " " << search << " p " << p << ": " << more);
    worst = std::max(worst, more);
  };
  for (const char* data : all_data) {
    for (const int bits : {10, 8, 6, 4, 3}) {
      check(data, affine(bits, "symmetric: true"), "steps: 16, octaves: 6", 2);
      check(data, affine(bits, "symmetric: false"), "steps: 4, octaves: 3", 2);
      check(data, affine(bits, "widen_to_zero: false"), "steps: 4, octaves: 3", 2);
      check(data, affine(bits, "symmetric: false"), "steps: 64, octaves: 1, ends: together", 2);
    }
    for (const double p : {0.5, 1.0, 2.4, 4.0})
      check(data, affine(4, "symmetric: true"), "steps: 8, octaves: 4", p);
  }
  BOOST_TEST_MESSAGE("at most " << worst << " more error");
}

BOOST_AUTO_TEST_CASE(the_best_of_two_candidates_by_hand) {
  Floats x;
  for (int i = 0; i < 100; ++i) x.insert(x.end(), {1, 2});
  x.push_back(4);
  // Of [0, 4] levels are 0, 4/3, 8/3, 4: 100 (1/9 + 4/9) = 55.6. Of [0, 2]: 0, 2/3, 4/3, 2:
  // 100 / 9 + 4 = 15.1.
  const auto q = quantizer("{name: affine, bit_width: 2}");
  const auto found = [&](const std::string& plugin, TensorKind kind) {
    return ranges_for(*q, plugin, x, 1, kind)[0];
  };
  for (const TensorKind kind : {TensorKind::weight, TensorKind::activation}) {
    BOOST_TEST((found("{name: mse, steps: 1, octaves: 1}", kind) == Range{0, 2}));
    // To the power of 8 the clipped 4 weighs 256, all rounding under [0, 4] at most 3.9.
    BOOST_TEST((found("{name: lp, p: 8, steps: 1, octaves: 1}", kind) == Range{0, 4}));
  }
}

BOOST_AUTO_TEST_CASE(ends_are_drawn_in_towards_zero_where_the_quantizer_holds_it) {
  const SearchOptions options{2, 1, SearchOptions::Ends::apart};
  const RangeCandidates both({-4, 8}, 3, *quantizer("affine"), options);
  BOOST_TEST(both.low_count() == 3);
  BOOST_TEST(both.high_count() == 3);
  BOOST_TEST((both.at(0, 0) == Range{-4, 8}));
  BOOST_TEST((both.at(2, 0) == Range{-2, 8}));
  BOOST_TEST(both.at(0, 1).high == 8 / std::sqrt(2), boost::test_tools::tolerance(1e-15));
  const RangeCandidates above({2, 8}, 3, *quantizer("affine"), options);
  BOOST_TEST(above.low_count() == 1);
  BOOST_TEST((above.at(0, 2) == Range{0, 4}));
  const RangeCandidates free({2, 8}, 3, *quantizer("{name: affine, widen_to_zero: false}"),
                             options);
  BOOST_TEST((free.at(2, 2) == Range{2.5, 5.5}));
  const RangeCandidates mirrored({-4, 1}, 0, *quantizer("{name: affine, symmetric: true}"),
                                 options);
  BOOST_TEST(mirrored.low_count() == 1);
  BOOST_TEST((mirrored.at(0, 2) == Range{-2, 0.5}));
}

BOOST_AUTO_TEST_CASE(search_finds_the_best_of_a_smooth_error_and_prefers_the_widest) {
  const RangeCandidates candidates({-1, 1}, 0, *quantizer("affine"),
                                   {16, 6, SearchOptions::Ends::apart});
  for (const auto& [low, high] : {std::pair(0, 0), std::pair(37, 5), std::pair(96, 90)}) {
    const Range best = candidates.at(low, high);
    const Range found = best_range(candidates, [&](const Range& r) {
      return std::pow(std::log2(r.low / best.low), 2) + std::pow(std::log2(r.high / best.high), 2);
    });
    BOOST_TEST((found == best));
  }
  BOOST_TEST((best_range(candidates, [](const Range&) { return 1.0; }) == Range{-1, 1}));
}

BOOST_AUTO_TEST_CASE(any_quantizer_is_asked_what_it_makes_of_the_values) {
  const Floats x = draw("relu'd", 3000);
  const Range found = ranges_for(Doubling(), "mse", x, 1)[0];
  BOOST_TEST(found.high == *std::ranges::max_element(x));
}

BOOST_AUTO_TEST_CASE(a_weight_of_few_values_is_taken_as_it_is) {
  const Floats x = draw("laplace", 9);
  const std::string search = "steps: 16, octaves: 6";
  for (const int bits : {8, 4, 3}) {
    const auto q = quantizer(affine(bits, "symmetric: true"));
    const Range found = ranges_for(*q, "{name: mse, " + search + "}", x, 1, TensorKind::weight)[0];
    BOOST_TEST(excess(found, *q, x, search, 2) <= 0.01);
  }
}

BOOST_AUTO_TEST_CASE(bad_options_are_refused) {
  const auto error = [](const std::string& plugin) {
    return error_of<ConfigError>([&] { estimator(plugin); });
  };
  BOOST_TEST(error("{name: lp, p: 0}") ==
             "test.yaml:1: p: 0 is out of range; accepted: a number over 0 and at most 16");
  BOOST_TEST(contains(error("{name: mse, p: 2}"), "p: unknown key"));
  BOOST_TEST(contains(error("{name: mse, steps: 0}"), "from 1 to 1024"));
  BOOST_TEST(contains(error("{name: mse, octaves: 31}"), "from 1 to 30"));
  BOOST_TEST(contains(error("{name: mse, ends: low}"), "accepted: apart, together"));
}

BOOST_AUTO_TEST_CASE(each_channel_has_its_best_range) {
  const std::string search = "steps: 8, octaves: 4";
  const int64_t channels = std::size(all_data);
  const size_t rows = 20000;
  Floats x(rows * channels);
  for (int64_t c = 0; c < channels; ++c) {
    const Floats one = draw(all_data[c], rows);
    for (size_t r = 0; r < rows; ++r) x[r * channels + c] = one[r];
  }
  double worst = 0;
  for (const int bits : {8, 6, 4, 3}) {
    const auto q = quantizer(affine(bits, "symmetric: true, granularity: per_channel"));
    const Ranges ranges = ranges_for(*q, "{name: mse, " + search + "}", x, channels);
    for (int64_t c = 0; c < channels; ++c) {
      const double more = excess(ranges[c], *q, draw(all_data[c], rows), search, 2);
      BOOST_TEST(more <= 0.01, all_data[c] << " " << bits << " bits: " << more);
      worst = std::max(worst, more);
    }
  }
  BOOST_TEST_MESSAGE("at most " << worst << " more error");
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace quantdyn::test
