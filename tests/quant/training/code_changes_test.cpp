// How often codes change and oscillate: sequences by hand, zero points, formats, and tiles.
#include "quant/training/code_changes.h"

#include <boost/test/unit_test.hpp>
#include <cmath>

#include "quant/training/weight_training.h"
#include "tests/quant/helpers.h"

namespace quantdyn::test {
namespace {

using Rates = std::vector<double>;

struct Written {
  Rates changes, oscillations;  ///< of the channels, then of the layer
};

Written written(const CodeChanges& changes, int64_t channels) {
  Frame frame({0, channels});
  changes.save(frame, "weight", 0);
  const auto all = [&](const std::string& name) {
    const auto values = frame.channel_values<double>("weight", name, 0);
    Rates out(values.begin(), values.end());
    out.push_back(frame.layer_values<double>("weight", name, 0)[0]);
    return out;
  };
  return {all("code_change_rate"), all("oscillation_rate")};
}

std::unique_ptr<Quantization> fitted(const std::string& plugin, const Range& range,
                                     int64_t channels = 1) {
  return quantizer(plugin)->fit({"w", channels, {range}, {}});
}

/// Shows the weight [rows, channels] of one step after the other.
void show_steps(CodeChanges& changes, const Quantization& quantization, int64_t channels,
                std::vector<std::vector<float>> steps) {
  for (std::vector<float>& weight : steps) {
    std::vector<float> quantized = weight;
    quantization.apply(tile_of(quantized, channels));
    changes.add(quantization, tile_of(weight, channels), quantized.data());
  }
}

const std::string two_bits = "{name: affine, bit_width: 2}";

}  // namespace

BOOST_AUTO_TEST_SUITE(code_changes)

BOOST_AUTO_TEST_CASE(a_change_against_the_last_one_oscillates) {
  const auto codes = fitted(two_bits, {0, 3});  // scale 1: values are codes
  CodeChanges changes(*codes, 1, 1);
  show_steps(changes, *codes, 1, {{0}, {1}, {0}, {1}, {1}, {2}});
  // Up, down, up, none, up: the last goes on where the third went, the first has none before it.
  BOOST_TEST(written(changes, 1).changes == (Rates{4 / 5.0, 4 / 5.0}));
  BOOST_TEST(written(changes, 1).oscillations == (Rates{2 / 5.0, 2 / 5.0}));
}

BOOST_AUTO_TEST_CASE(codes_and_directions_go_on_where_counts_start_again) {
  const auto codes = fitted(two_bits, {0, 3});
  CodeChanges changes(*codes, 1, 1);
  show_steps(changes, *codes, 1, {{0}, {1}});
  changes.start();
  BOOST_TEST(std::isnan(written(changes, 1).changes[0]));
  show_steps(changes, *codes, 1, {{1}, {1}, {0}, {0}});  // it turns steps later
  BOOST_TEST(written(changes, 1).changes == (Rates{1 / 4.0, 1 / 4.0}));
  BOOST_TEST(written(changes, 1).oscillations == (Rates{1 / 4.0, 1 / 4.0}));
}

BOOST_AUTO_TEST_CASE(a_single_step_has_no_rate) {
  const auto codes = fitted(two_bits, {0, 3});
  CodeChanges changes(*codes, 1, 1);
  BOOST_TEST(std::isnan(written(changes, 1).oscillations[1]));
  show_steps(changes, *codes, 1, {{2}});
  BOOST_TEST(std::isnan(written(changes, 1).changes[1]));
}

BOOST_AUTO_TEST_CASE(channels_are_counted_apart_over_all_tiles) {
  const auto codes = fitted(two_bits, {0, 3}, 3);
  const int64_t rows = 2 * rows_per_tile(3) + 5;
  CodeChanges changes(*codes, rows, 3);
  const auto weight = [&](const std::vector<float>& channels) {
    std::vector<float> out;
    for (int64_t i = 0; i < rows; ++i) out.insert(out.end(), channels.begin(), channels.end());
    return out;
  };
  std::vector<float> last = weight({0, 1, 1});
  last.back() = 3;  // one weight of the last tile
  show_steps(changes, *codes, 3, {weight({0, 1, 2}), weight({0, 0, 3}), last});
  const double all = 2.0 * static_cast<double>(rows);
  BOOST_TEST(written(changes, 3).changes ==
             (Rates{0, 1, (all - 1) / all, (2 * all - 1) / (3 * all)}));
  const double turned = static_cast<double>(rows);
  BOOST_TEST(written(changes, 3).oscillations ==
             (Rates{0, 0.5, (turned - 1) / all, (2 * turned - 1) / (3 * all)}));
}

BOOST_AUTO_TEST_CASE(neither_scale_nor_zero_point_moves_a_code) {
  CodeChanges changes(*fitted(two_bits, {0, 3}), 1, 1);
  show_steps(changes, *fitted(two_bits, {0, 3}), 1, {{1}});
  show_steps(changes, *fitted(two_bits, {-1, 2}), 1, {{1}});        // code 2, zero point 1
  show_steps(changes, *fitted(two_bits, {0, 0.75}), 1, {{0.25f}});  // step 1/4
  BOOST_TEST(written(changes, 1).changes == (Rates{0, 0}));
  show_steps(changes, *fitted(two_bits, {0, 0.75}), 1, {{0.5f}});
  BOOST_TEST(written(changes, 1).changes == (Rates{1 / 3.0, 1 / 3.0}));
}

BOOST_AUTO_TEST_CASE(multiples_of_the_scale_change_as_codes_do) {
  // Weights move by half a code a step; ranges do, and zero points with them.
  for (const std::string options :
       {"bit_width: 16", "bit_width: 16, symmetric: true, signed: true", "bit_width: 8",
        "bit_width: 2, symmetric: true, symmetric_divisor: each_side",
        "bit_width: 8, symmetric: true, profile: aimet", "bit_width: 16, smallest_scale: 1e-30"}) {
    const double unit = contains(options, "1e-30") ? 1e-22 : 1;
    std::unique_ptr<CodeChanges> changes;
    std::vector<int32_t> before;
    double changed = 0;
    for (int step = 0; step < 3; ++step) {
      const Range range{-unit * (1 + 0.1 * step), 3 * unit};
      const auto q = fitted("{name: affine, " + options + "}", range, 4);
      if (!changes) changes = std::make_unique<CodeChanges>(*q, 1000, 4);
      const AffineParameters affine = *q->affine(0);
      std::vector<float> weight(4000);
      for (size_t i = 0; i < weight.size(); ++i)
        weight[i] = static_cast<float>(range.low +
                                       (range.high - range.low) * static_cast<double>(i) / 4000.0) +
                    affine.scale * 0.5f * static_cast<float>(step);
      std::vector<int32_t> codes(weight.size());
      q->codes(tile_of(weight, 4), codes.data());
      for (int32_t& code : codes) code -= affine.zero_point;
      for (size_t i = 0; i < before.size(); ++i) changed += codes[i] != before[i];
      before = codes;
      show_steps(*changes, *q, 4, {weight});
    }
    BOOST_TEST(changed > 0, options);
    BOOST_TEST(written(*changes, 4).changes[4] == changed / 8000, options);
  }
}

BOOST_AUTO_TEST_CASE(bit_patterns_of_floats_go_up_with_their_numbers) {
  // -2, -1, 1, 2 goes up throughout, then down, up and down again; -0 is 0.
  const auto codes = fitted("{name: float, format: e2m1}", {-6, 6});
  CodeChanges changes(*codes, 1, 1);
  show_steps(changes, *codes, 1, {{-2}, {-1}, {1}, {2}, {-2}, {2}, {0}, {-0.0f}, {0}});
  BOOST_TEST(written(changes, 1).changes == (Rates{6 / 8.0, 6 / 8.0}));
  BOOST_TEST(written(changes, 1).oscillations == (Rates{3 / 8.0, 3 / 8.0}));
}

BOOST_AUTO_TEST_CASE(a_trained_weight_counts_the_codes_of_its_steps) {
  // Stochastic rounding: the effective weight tells the code that this step drew.
  for (const std::string rounding : {"", ", rounding: stochastic"}) {
    const auto scheme_of_step =
        scheme("{quantizer: {name: affine, bit_width: 3, symmetric: true" + rounding + "}}");
    Tensor<float> weight(Shape{40, 2});
    for (int64_t i = 0; i < weight.elements(); ++i)
      weight[i] = std::sin(0.7f * static_cast<float>(i));
    WeightTraining training(scheme_of_step, "w", Learning::straight_through, weight);
    Tensor<float> effective = weight, before;
    int64_t changed = 0;
    for (int step = 0; step < 4; ++step) {
      for (int64_t i = 2; i < weight.elements(); ++i)
        if (step > 0) weight[i] = -weight[i];
      training.forward(weight, effective);
      for (int64_t i = 0; i < weight.elements() && step > 0; ++i)
        changed += before[i] != effective[i];
      before = effective;
    }
    BOOST_TEST(changed > 0);
    BOOST_TEST(written(training.code_changes(), 2).changes[2] ==
               static_cast<double>(changed) / 240.0);
  }
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace quantdyn::test
