#include "stats/kernels/kernels.h"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <vector>

#include "stats/kernels/kernels_pairs.h"
#include "stats/kernels/kernels_spreads.h"
#include "tests/every_target.h"
#include "tests/stats/observe.h"

using namespace quantdyn;

namespace {

/// The first 11 are small enough for a sum to show every one, then a huge one and what is not
/// finite.
constexpr float special_values[] = {0.0f,
                                    -0.0f,
                                    -1e-9f,
                                    1e-9f,
                                    1e-42f,
                                    -1e-42f,
                                    0x1p-24f,
                                    4096.0f,
                                    -4096.0f,
                                    5e5f,
                                    -5e5f,
                                    std::numeric_limits<float>::max(),
                                    std::numeric_limits<float>::infinity(),
                                    -std::numeric_limits<float>::infinity(),
                                    std::numeric_limits<float>::quiet_NaN(),
                                    -std::numeric_limits<float>::quiet_NaN()};

/// A tile that starts at an odd address and ends where the array does.
struct Sample {
  int64_t rows, channels, row_stride;
  std::vector<float> values;

  Sample(int64_t r, int64_t c, int64_t stride, size_t kinds)
      : rows(r), channels(c), row_stride(stride), values(random_values(1 + (r - 1) * stride + c)) {
    for (size_t i = 0; i < values.size(); i += 5) values[i] = special_values[i / 5 % kinds];
  }
  Tile tile() const { return {values.data() + 1, rows, channels, row_stride, 0, 0, 0, 0}; }
};

struct Moments {
  std::vector<double> shift, sum, square, cube, fourth, absolute;
  std::vector<float> minimum, maximum;

  explicit Moments(int64_t channels)
      : shift(channels, 0.25),
        sum(channels + 1, 1),
        square(channels + 1, 1),
        cube(channels + 1, 1),
        fourth(channels + 1, 1),
        absolute(channels + 1, 1),
        minimum(channels + 1, 1),
        maximum(channels + 1, -1) {}
  MomentSums sums() {
    return {shift.data(),  sum.data(),      square.data(),  cube.data(),
            fourth.data(), absolute.data(), minimum.data(), maximum.data()};
  }
};

/// `tolerance` is relative.
template <typename T>
bool same_numbers(const std::vector<T>& a, const std::vector<T>& b, double tolerance = 0) {
  for (size_t i = 0; i < a.size(); ++i)
    if (a[i] != b[i] && !(a[i] != a[i] && b[i] != b[i]) &&
        !(std::abs(a[i] - b[i]) <= tolerance * std::abs(b[i])))
      return false;
  return a.size() == b.size();
}

/// Calls check(sample, tolerance) for odd shapes, dense and with gaps between the rows, on every
/// instruction set that this processor has. Without fused multiply-add, which the references have,
/// sums of products are off by the tolerance.
template <typename Check>
void on_all_targets(const Check& check) {
  test::on_every_target([&](const std::string& target) {
    const double tolerance = test::has_fused_multiply_add(target) ? 0 : 1e-13;
    BOOST_TEST_CONTEXT(target) {
      for (int64_t channels : {1, 3, 10, 17, 130})
        for (int64_t rows : {1, 2, 7, 33})
          for (int64_t gap : {0, 3})
            for (size_t kinds : {11, 12, 16})
              BOOST_TEST_CONTEXT(rows << " rows, " << channels << " channels, gap " << gap << ", "
                                      << kinds << " special values")
      check(Sample(rows, channels, channels + gap, kinds), tolerance);
    }
  });
}

}  // namespace

BOOST_AUTO_TEST_SUITE(kernels_test)

#if HWY_ARCH_X86 && !defined(HWY_COMPILE_ONLY_STATIC)  // as sanitized builds are
BOOST_AUTO_TEST_CASE(processor_has_more_than_one_target_to_test) {
  BOOST_TEST(hwy::SupportedAndGeneratedTargets().size() > 1u);
}
#endif

BOOST_AUTO_TEST_CASE(moments_have_the_bits_of_the_reference_with_fused_multiply_add) {
  on_all_targets([](const Sample& sample, double tolerance) {
    Moments fast(sample.channels), slow(sample.channels);
    kernels::add_moments(sample.tile(), fast.sums());
    kernels::reference::add_moments(sample.tile(), slow.sums());
    BOOST_TEST(same_numbers(fast.sum, slow.sum));
    BOOST_TEST(same_numbers(fast.square, slow.square, tolerance));
    BOOST_TEST(same_numbers(fast.cube, slow.cube, tolerance));
    BOOST_TEST(same_numbers(fast.fourth, slow.fourth, tolerance));
    BOOST_TEST(same_numbers(fast.absolute, slow.absolute));
    BOOST_TEST(same_numbers(fast.minimum, slow.minimum));
    BOOST_TEST(same_numbers(fast.maximum, slow.maximum));
    BOOST_TEST(fast.sum.back() == 1);  // one past the end is untouched
  });
}

BOOST_AUTO_TEST_CASE(moments_after_an_activation_have_the_bits_of_its_values_moments) {
  on_all_targets([](const Sample& sample, double tolerance) {
    for (const FusedActivation activation : {FusedActivation::relu, FusedActivation::relu6}) {
      Sample active = sample;
      for (float& value : active.values) value = ends_of(activation).clip(value);
      Moments fast(sample.channels), activated(sample.channels), slow(sample.channels),
          slow_activated(sample.channels);
      for (Moments* moments : {&activated, &slow_activated}) {  // what an activation can have shown
        moments->minimum.assign(sample.channels + 1, std::numeric_limits<float>::infinity());
        moments->maximum.assign(sample.channels + 1, -1);
      }
      fast.minimum = activated.minimum;
      fast.maximum = activated.maximum;
      slow.minimum = fast.minimum;
      slow.maximum = fast.maximum;
      kernels::add_moments_of_activation(sample.tile(), activation, fast.sums(), activated.sums());
      kernels::reference::add_moments(sample.tile(), slow.sums());
      kernels::reference::add_moments(active.tile(), slow_activated.sums());
      for (const auto& [a, b] : {std::pair(&fast, &slow), std::pair(&activated, &slow_activated)}) {
        BOOST_TEST(same_numbers(a->sum, b->sum));
        BOOST_TEST(same_numbers(a->square, b->square, tolerance));
        BOOST_TEST(same_numbers(a->cube, b->cube, tolerance));
        BOOST_TEST(same_numbers(a->fourth, b->fourth, tolerance));
        BOOST_TEST(same_numbers(a->absolute, b->absolute));
      }
      for (int64_t c = 0; c < sample.channels; ++c) {
        if (fast.minimum[c] > fast.maximum[c]) continue;  // nothing but NaN
        BOOST_TEST(activated.minimum[c] == ends_of(activation).clip(fast.minimum[c]));
        BOOST_TEST(activated.maximum[c] == ends_of(activation).clip(fast.maximum[c]));
      }
    }
  });
}

BOOST_AUTO_TEST_CASE(spreads_merge_to_the_bits_of_one_channel_on_every_instruction_set) {
  const int64_t channels = 19;
  std::vector<double> left(6 * channels), right = left;
  const std::vector<float> values = random_values(12 * channels);
  for (size_t i = 0; i < left.size(); ++i) {
    left[i] = std::abs(values[i]);
    right[i] = std::abs(values[i + left.size()]);
  }
  left[1] = right[2] = right[3] = left[3] = 0;  // channels that saw nothing
  for (int64_t i = 1; i < 6; ++i)
    left[i * channels + 1] = right[i * channels + 2] = left[i * channels + 3] =
        right[i * channels + 3] = 0;
  test::on_every_target([&](const std::string& target) {
    std::vector<double> both = left;
    kernels::merge_spreads({both.data(), channels}, {right.data(), channels}, channels);
    for (int64_t c = 0; c < channels; ++c) {
      Spread expected = SpreadArrays<double>(left.data(), channels).at(c);
      expected.merge(SpreadArrays<double>(right.data(), channels).at(c));
      const Spread found = SpreadArrays<double>(both.data(), channels).at(c);
      BOOST_TEST(found.count == expected.count, target);
      BOOST_TEST(found.mean == expected.mean);
      BOOST_TEST(found.deviations == expected.deviations);
      BOOST_TEST(found.cubes == expected.cubes);
      BOOST_TEST(found.fourths == expected.fourths);
      BOOST_TEST(found.absolute == expected.absolute);
    }
  });
}

BOOST_AUTO_TEST_CASE(errors_have_the_bits_of_the_reference_on_every_instruction_set) {
  on_all_targets([](const Sample& sample, double) {
    Sample twin = sample;
    for (float& value : twin.values) value = value * 0.99f + 0.01f;
    const int64_t n = sample.channels + 1;
    std::vector<double> fast(6 * n, 1), slow = fast;
    const auto sums = [n](std::vector<double>& to) {
      double* const s = to.data();
      return PairSums{s, s + n, s + 2 * n, s + 3 * n, s + 4 * n, s + 5 * n};
    };
    kernels::add_errors(sample.tile(), twin.tile(), sums(fast));
    kernels::reference::add_errors(sample.tile(), twin.tile(), sums(slow));
    BOOST_TEST(same_numbers(fast, slow));
    for (int64_t i = 0; i < 6; ++i) BOOST_TEST(fast[i * n + n - 1] == 1);  // past the end
    BOOST_TEST(fast[3 * n] != 1);
  });
}

BOOST_AUTO_TEST_CASE(quantizer_errors_have_the_bits_of_the_reference_on_every_instruction_set) {
  on_all_targets([](const Sample& sample, double) {
    Sample twin = sample;
    for (float& value : twin.values) value = std::clamp(std::round(value * 4) / 4, -1.0f, 0.5f);
    const int64_t n = sample.channels + 1;
    const std::vector<float> lowest(n, -1), highest(n, 0.5f);
    std::vector<double> fast(2 * n, 1), slow = fast;
    const auto sums = [&](std::vector<double>& to) {
      return QuantizerErrorSums{lowest.data(), highest.data(), to.data(), to.data() + n};
    };
    kernels::add_quantizer_errors(sample.tile(), twin.tile(), sums(fast));
    kernels::reference::add_quantizer_errors(sample.tile(), twin.tile(), sums(slow));
    BOOST_TEST(same_numbers(fast, slow));
    BOOST_TEST(fast[n - 1] == 1);
    BOOST_TEST(fast[2 * n - 1] == 1);
  });
}

BOOST_AUTO_TEST_CASE(bins_are_those_of_the_reference_on_every_instruction_set) {
  for (const LogBins bins : {LogBins{}, LogBins{7, -24}, LogBins{0, -48}}) {
    on_all_targets([&](const Sample& sample, double) {
      std::vector<uint32_t> fast(sample.channels * bins.size()), slow = fast;
      kernels::count_bins(sample.tile(), bins, fast.data(), bins.size());
      kernels::reference::count_bins(sample.tile(), bins, slow.data(), bins.size());
      BOOST_TEST((fast == slow));
      std::vector<uint64_t> shared(bins.size()), sums(bins.size());
      kernels::count_bins(sample.tile(), bins, shared.data(), 0);
      for (size_t i = 0; i < slow.size(); ++i) sums[i % sums.size()] += slow[i];
      BOOST_TEST((shared == sums));
    });
  }
}

BOOST_AUTO_TEST_CASE(counts_by_channel_are_those_of_the_reference_on_every_instruction_set) {
  for (const LogBins bins : {LogBins{}, LogBins{0, -48}})
    for (int64_t first_channel : {0, 3, 8, 16, 21})
      on_all_targets([&](const Sample& sample, double) {
        Tile tile = sample.tile();
        tile.first_channel = first_channel;
        std::vector<uint16_t> fast((sample.channels + 48) / 16 * 16 * bins.size()), slow = fast;
        kernels::count_channels(tile, bins, fast.data());
        kernels::reference::count_channels(tile, bins, slow.data());
        BOOST_TEST((fast == slow));
      });
}

BOOST_AUTO_TEST_CASE(ranges_are_those_of_the_reference_on_every_instruction_set) {
  on_all_targets([](const Sample& sample, double) {
    float low = 2, high = -2, slow_low = 2, slow_high = -2;
    const auto count = static_cast<int64_t>(sample.values.size());
    kernels::widen_range(sample.values.data(), count, low, high);
    kernels::reference::widen_range(sample.values.data(), count, slow_low, slow_high);
    BOOST_TEST(low == slow_low);
    BOOST_TEST(high == slow_high);
  });
}

BOOST_AUTO_TEST_SUITE_END()
