// Gradients through a quantizer against plain loops, bit for bit, on every instruction set here.
#include "quant/kernels/gradient_passing.h"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>

#include "tests/every_target.h"
#include "tests/portable_bits.h"

namespace quantdyn::test {
namespace {

constexpr int64_t rows = 9, most_channels = 37;

struct Values {
  int64_t channels, stride = channels + 3;
  std::vector<float> values = portable_values(rows * stride, 1), quantized = values,
                     dy = portable_values(rows * stride, 2),
                     before = portable_values(rows * stride, 3);
  std::vector<float> lowest = portable_values(channels, 4), highest = lowest;

  explicit Values(int64_t count) : channels(count) {
    values[0] = std::numeric_limits<float>::quiet_NaN();
    values[stride] = std::numeric_limits<float>::infinity();
    for (float& end : lowest) end -= 1;
    for (float& end : highest) end += 1;
    for (int64_t c = 0; c < channels; ++c) values[2 * stride + c] = highest[c];  // still inside
    for (size_t i = 0; i < values.size(); ++i)
      quantized[i] = std::isfinite(values[i]) ? std::round(4 * values[i]) / 4 : 1;
  }
  QuantizedRows seen() const {
    return {values.data(), quantized.data(), dy.data(),     rows,
            channels,      stride,           lowest.data(), highest.data()};
  }
};

/// The gradient passed on, and the sums that started as 1, 2, ...
struct Passed {
  std::vector<float> to;
  std::vector<double> sums;

  Passed(const Values& v, RangeSums wanted, Accumulate accumulate, bool is_expected)
      : to(v.before), sums(static_cast<size_t>(v.channels) + 1) {
    for (size_t c = 0; c < sums.size(); ++c) sums[c] = static_cast<double>(c + 1);
    if (is_expected)
      expect(v, wanted, accumulate);
    else
      pass_gradient(v.seen(), wanted, to.data(), accumulate, sums.data());
  }

 private:
  /// From the formulae. A product of two floats is exact in double.
  void expect(const Values& v, RangeSums wanted, Accumulate accumulate) {
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t c = 0; c < v.channels; ++c) {
        const int64_t i = r * v.stride + c;
        const float x = v.values[i], dy = v.dy[i];
        const bool is_inside = x >= v.lowest[c] && x <= v.highest[c];
        const float step = v.quantized[i] - (is_inside ? x : 0);
        if (wanted == RangeSums::of_step) sums[c] += static_cast<double>(dy) * step;
        if (wanted == RangeSums::of_clip) sums[c] += x > v.highest[c] ? dy : 0;
        to[i] = (accumulate == Accumulate::yes ? to[i] : 0) + (is_inside ? dy : 0);
      }
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(gradient_passing)

BOOST_AUTO_TEST_CASE(gradients_and_sums_have_the_bits_of_plain_loops) {
  on_every_target([](const std::string& target) {
    for (const int64_t channels : {int64_t{1}, int64_t{3}, int64_t{16}, most_channels})
      for (const RangeSums wanted : {RangeSums::none, RangeSums::of_step, RangeSums::of_clip})
        for (const Accumulate accumulate : {Accumulate::no, Accumulate::yes})
          BOOST_TEST_CONTEXT(target << ", " << channels << " channels, sums "
                                    << static_cast<int>(wanted)) {
            const Values values(channels);
            const Passed found(values, wanted, accumulate, false),
                expected(values, wanted, accumulate, true);
            BOOST_TEST(bits(found.to) == bits(expected.to));
            BOOST_TEST(found.sums == expected.sums);
          }
  });
}

BOOST_AUTO_TEST_CASE(a_gradient_may_be_masked_in_its_place_or_only_summed) {
  on_every_target([](const std::string& target) {
    Values values(most_channels);
    const Passed expected(values, RangeSums::of_step, Accumulate::no, true);
    std::vector<double> sums(most_channels + 1), same(most_channels + 1);
    for (size_t c = 0; c < sums.size(); ++c) sums[c] = same[c] = static_cast<double>(c + 1);
    pass_gradient(values.seen(), RangeSums::of_step, nullptr, Accumulate::no, sums.data());
    pass_gradient(values.seen(), RangeSums::of_step, values.dy.data(), Accumulate::no, same.data());
    BOOST_TEST(sums == expected.sums, target);
    BOOST_TEST(same == expected.sums, target);
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t c = 0; c < most_channels; ++c)
        BOOST_TEST(values.dy[r * values.stride + c] == expected.to[r * values.stride + c], target);
  });
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace quantdyn::test
