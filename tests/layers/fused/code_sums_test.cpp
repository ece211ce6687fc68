// Sums of products of codes, beside loops over whole numbers.
#include "layers/fused/code_sums.h"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <numeric>
#include <vector>

#include "framework/base/error.h"
#include "framework/base/rng.h"
#include "framework/base/tensor.h"
#include "layers/codes/values.h"
#include "tests/every_target.h"

namespace quantdyn::test {
namespace {

constexpr int64_t images = 3;

/// Rounds to the grid, ties to even; a NaN has no code.
class NearestCode final : public CodeTransform {
 public:
  explicit NearestCode(const CodeGrid& grid) : grid_(grid) {}
  std::optional<CodeGrid> grid() const override { return grid_; }
  void apply(const MutableTile&) const override {}
  void codes(const Tile& tile, int32_t* codes) const override {
    for (int64_t r = 0; r < tile.rows; ++r)
      for (int64_t c = 0; c < tile.channels; ++c)
        codes[r * tile.channels + c] = code(tile.values[r * tile.row_stride + c]);
  }
  int32_t code(float x) const {
    const float q = std::nearbyint(x / grid_.scale) + static_cast<float>(grid_.zero_point);
    return static_cast<int32_t>(
        std::clamp(q, static_cast<float>(grid_.lowest), static_cast<float>(grid_.highest)));
  }

 private:
  CodeGrid grid_;
};

struct Case {
  int64_t size, in, out, kernel, stride, groups;
  bool is_padded;
  CodeGrid input, weight;
};

std::ostream& operator<<(std::ostream& out, const Case& c) {
  return out << c.size << "x" << c.size << "x" << c.in << " to " << c.out << ", kernel " << c.kernel
             << ", stride " << c.stride << ", groups " << c.groups << ", padded " << c.is_padded
             << ", zero points " << c.input.zero_point << ", " << c.weight.zero_point;
}

Convolution convolution_of(const Case& c) {
  Convolution conv;
  conv.in_h = conv.in_w = c.size;
  conv.in_c = c.in;
  conv.out_c = c.out;
  conv.kernel_h = conv.kernel_w = c.kernel;
  conv.stride_h = conv.stride_w = c.stride;
  conv.groups = c.groups;
  if (c.is_padded) {
    conv.pad_top = conv.pad_left = (c.kernel - 1) / 2;
    conv.pad_bottom = conv.pad_right = c.kernel / 2;
  }
  conv.out_h = conv.out_w = (c.size + conv.pad_top + conv.pad_bottom - c.kernel) / c.stride + 1;
  return conv;
}

std::vector<int32_t> random_codes(const CodeGrid& grid, int64_t count, uint64_t seed) {
  const Rng rng(seed);
  std::vector<int32_t> out;
  for (int64_t i = 0; i < count; ++i) {
    const auto steps = static_cast<double>(grid.highest - grid.lowest + 1);
    out.push_back(grid.lowest +
                  static_cast<int32_t>(rng.uniform(static_cast<uint64_t>(i)) * steps));
  }
  return out;
}

std::vector<float> values_of(const std::vector<int32_t>& codes, const CodeGrid& grid) {
  std::vector<float> out;
  for (int32_t code : codes) out.push_back(static_cast<float>(code - grid.zero_point) * grid.scale);
  return out;
}

/// A layer, its input and the values that it must give.
struct Layer {
  Convolution conv;
  CodeGrid input;
  ProductCodes codes;
  std::vector<float> x, weight, bias, expected;
  Ends ends{0, 6};

  explicit Layer(const Case& c, float bias_size = 1) : conv(convolution_of(c)), input(c.input) {
    const auto x_codes = random_codes(c.input, images * c.size * c.size * c.in, 1);
    const int64_t per_output = conv.kernel_h * conv.kernel_w * conv.in_c / conv.groups;
    codes = {c.input, random_codes(c.weight, per_output * conv.out_c, 2),
             std::vector<CodeGrid>(conv.out_c, c.weight)};
    for (int64_t k = 0; k < conv.out_c; ++k)
      codes.weight_grids[k].scale *= static_cast<float>(1 + k % 3);
    for (size_t i = 0; i < codes.weight.size(); ++i) {
      const CodeGrid& grid = codes.weight_grids[i % conv.out_c];
      weight.push_back(static_cast<float>(codes.weight[i] - grid.zero_point) * grid.scale);
    }
    x = values_of(x_codes, c.input);
    for (int64_t k = 0; k < conv.out_c; ++k)
      bias.push_back(bias_size * static_cast<float>(Rng(3).normal(static_cast<uint64_t>(k))));
    for (int64_t row = 0; row < images * conv.out_h * conv.out_w; ++row)
      for (int64_t k = 0; k < conv.out_c; ++k) expected.push_back(value(x_codes, row, k));
  }

  float value(const std::vector<int32_t>& x_codes, int64_t row, int64_t k) const {
    const int64_t pixels = conv.out_h * conv.out_w, image = row / pixels;
    const int64_t in_group = conv.in_c / conv.groups, out_group = conv.out_c / conv.groups;
    int64_t sum = 0;
    visit_window(
        conv, row % pixels / conv.out_w, row % conv.out_w, [&](int64_t tap, int64_t pixel) {
          for (int64_t c = 0; c < in_group; ++c) {
            const int64_t from =
                (image * conv.in_h * conv.in_w + pixel) * conv.in_c + k / out_group * in_group + c;
            sum += int64_t{x_codes[from] - input.zero_point} *
                   (codes.weight[(tap * in_group + c) * conv.out_c + k] -
                    codes.weight_grids[k].zero_point);
          }
        });
    const double scale = double{input.scale} * double{codes.weight_grids[k].scale};
    const double product = static_cast<double>(sum) * scale;
    return ends.clip(static_cast<float>(product + double{bias[k]}));
  }

  std::vector<float> scratch() const {
    return std::vector<float>(code_scratch_floats(conv, images));
  }
};

const CodeGrid asymmetric{0.031f, 13, 0, 255}, is_signed{0.017f, -5, -128, 127},
    symmetric{0.011f, 0, -128, 127}, restricted{0.013f, 0, -127, 127}, four_bits{0.21f, 5, 0, 15};

const std::vector<Case> cases{{5, 7, 19, 1, 1, 1, false, asymmetric, is_signed},
                              {5, 64, 70, 1, 1, 1, false, asymmetric, asymmetric},
                              {4, 130, 16, 1, 1, 1, false, is_signed, symmetric},
                              {1, 33, 10, 1, 1, 1, false, asymmetric, restricted},
                              {7, 3, 21, 3, 1, 1, true, is_signed, asymmetric},
                              {8, 5, 66, 3, 2, 1, true, asymmetric, is_signed},
                              {9, 4, 8, 5, 2, 1, false, four_bits, four_bits},
                              {6, 6, 5, 1, 2, 1, false, asymmetric, asymmetric},
                              {3, 2, 3, 2, 3, 1, true, asymmetric, asymmetric},
                              {7, 37, 37, 3, 1, 37, true, asymmetric, is_signed},
                              {8, 16, 16, 3, 2, 16, true, is_signed, symmetric},
                              {7, 16, 16, 3, 1, 16, true, asymmetric, asymmetric},
                              {5, 32, 32, 3, 1, 32, true, is_signed, symmetric},
                              {9, 150, 150, 3, 2, 150, true, asymmetric, asymmetric},
                              {4, 64, 64, 3, 1, 64, false, is_signed, is_signed},
                              {6, 20, 20, 5, 1, 20, false, four_bits, asymmetric}};

}  // namespace

BOOST_AUTO_TEST_SUITE(code_sums_test)

BOOST_AUTO_TEST_CASE(values_are_exact_sums_rounded_once) {
  for (const Case& c : cases) {
    const Layer layer(c);
    on_every_target([&](const std::string& target) {
      const auto sums = make_code_sums(layer.conv, layer.codes, layer.weight.data());
      BOOST_REQUIRE(sums);
      std::vector<float> scratch = layer.scratch(), y(layer.expected.size());
      BOOST_REQUIRE(sums->read(layer.x.data(), images, scratch.data()));
      int64_t done = 0;
      sums->run({layer.x.data()}, images, sums->map(layer.bias.data(), layer.ends), y.data(),
                scratch.data(), [&](int64_t first, int64_t rows) {
                  BOOST_TEST(first == done);
                  done += rows;
                });
      BOOST_TEST(done * layer.conv.out_c == std::ssize(y));
      BOOST_TEST((bits(y) == bits(layer.expected)), c << " " << target);
    });
  }
}

BOOST_AUTO_TEST_CASE(codes_are_those_of_the_values_also_at_ties) {
  for (const Case& c : cases) {
    for (const float steps : {0.0f, 2.0f, 16.0f}) {
      const bool has_ties = steps > 0;
      const Layer layer(c, has_ties ? 0 : 1);
      // Twice the scale of a sum: without a bias every second sum is a tie, but for rounding.
      const float step =
          has_ties ? layer.input.scale * layer.codes.weight_grids[0].scale * steps : 0.05f;
      const NearestCode output({step, 3, 0, 200});
      on_every_target([&](const std::string& target) {
        const auto sums = make_code_sums(layer.conv, layer.codes, layer.weight.data());
        const SumMap map = sums->map(layer.bias.data(), layer.ends);
        const CodeMap codes(map, output, *output.grid());
        BOOST_REQUIRE(codes.is_usable);
        std::vector<float> scratch = layer.scratch();
        std::vector<uint8_t> y(layer.expected.size() + 64), x;
        BOOST_REQUIRE(sums->read(layer.x.data(), images, scratch.data()));
        sums->run({layer.x.data()}, images, codes, y.data(), scratch.data());
        int wrong = 0;
        for (size_t i = 0; i < layer.expected.size(); ++i)
          wrong += y[i] != output.code(layer.expected[i]) ? 1 : 0;
        BOOST_TEST(wrong == 0, c << " " << target << " sums a step " << steps);
        x.resize(layer.x.size() + 64);
        BOOST_REQUIRE(take_codes(layer.input, layer.x.data(), std::ssize(layer.x), x.data()));
        std::vector<uint8_t> from_codes(y.size());
        sums->run({nullptr, x.data()}, images, codes, from_codes.data(), scratch.data());
        BOOST_TEST((from_codes == y), c << " " << target);
      });
    }
  }
}

BOOST_AUTO_TEST_CASE(values_off_the_grid_are_not_read) {
  for (const Case& c : cases) {
    Layer layer(c);
    const auto sums = make_code_sums(layer.conv, layer.codes, layer.weight.data());
    std::vector<float> scratch = layer.scratch();
    const CodeGrid& g = c.input;
    const float above = static_cast<float>(g.highest + 1 - g.zero_point) * g.scale;
    for (const float wrong :
         {std::nanf(""), HUGE_VALF, above, 1.5f * g.scale, std::nextafter(g.scale, 1.0f)}) {
      std::vector<float> x = layer.x;
      x[x.size() / 2 / c.in * c.in] = wrong;  // a pixel that windows of any stride reach
      const bool reads_all = layer.conv.stride_h == 1 || c.groups > 1;
      if (reads_all) BOOST_TEST(!sums->read(x.data(), images, scratch.data()), c << " " << wrong);
    }
  }
}

BOOST_AUTO_TEST_CASE(what_codes_cannot_sum_exactly_is_refused) {
  const auto takes = [](const Case& c) {
    const Layer layer(c);
    return make_code_sums(layer.conv, layer.codes, layer.weight.data()) != nullptr;
  };
  const CodeGrid nine_bits{0.1f, 0, 0, 511}, without_zero{0.1f, -3, 0, 255};
  BOOST_TEST(takes({4, 8, 8, 3, 1, 1, true, asymmetric, asymmetric}));
  BOOST_TEST(!takes({4, 8, 8, 3, 1, 1, true, nine_bits, asymmetric}));
  BOOST_TEST(!takes({4, 8, 8, 3, 1, 1, true, asymmetric, nine_bits}));
  BOOST_TEST(!takes({4, 8, 8, 3, 1, 2, true, asymmetric, asymmetric}));  // groups of four channels
  BOOST_TEST(!takes({4, 8, 8, 3, 1, 1, true, without_zero, asymmetric}));
  BOOST_TEST(takes({4, 8, 8, 3, 1, 1, false, without_zero, asymmetric}));
  BOOST_TEST(!takes({1, 40'000, 1, 1, 1, 1, false, asymmetric, {0.1f, 0, 0, 255}}));
  BOOST_TEST(!takes({17, 2, 2, 17, 1, 2, false, asymmetric, {0.1f, 0, 0, 255}}));
}

BOOST_AUTO_TEST_CASE(a_weight_that_is_not_what_its_codes_say_is_an_error) {
  Layer layer(cases[0]);
  layer.weight[5] *= 1.0001f;
  BOOST_CHECK_THROW(make_code_sums(layer.conv, layer.codes, layer.weight.data()), Error);
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace quantdyn::test
