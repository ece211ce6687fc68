// Every option of every optimizer, schedule, initializer, quantizer, range estimator and layer
// changes what it does. Datasets and statistics are in options_flip_data_test.cpp.
#include "tests/experiments/options_flip.h"

#include <boost/test/unit_test.hpp>

#include "framework/graph/layer.h"
#include "framework/learning/optimizer.h"
#include "framework/learning/schedule.h"
#include "quant/quantizers/quantizer.h"
#include "quant/ranges/range_estimator.h"

using namespace quantdyn;
using namespace quantdyn::test;

namespace {

/// A weight and a bias after three steps.
Numbers steps_of(Optimizer& optimizer) {
  std::vector<Parameter<float>> parameters(2);
  std::vector<Parameter<float>*> all;
  for (Parameter<float>& parameter : parameters) {
    parameter.name = all.empty() ? "weight" : "bias";
    parameter.master = parameter.grad = Tensor<float>(Shape{1});
    parameter.master.fill(1);
    all.push_back(&parameter);
  }
  for (float gradient : {1.0f, 2.0f, -0.5f}) {
    for (Parameter<float>* parameter : all) parameter->grad.fill(gradient);
    optimizer.step(all, 0.1);
  }
  return {parameters[0].master[0], parameters[1].master[0]};
}

constexpr TrainingLength training{3, 4};

Numbers rates_of(Schedule& schedule) {
  Numbers out;
  for (int64_t step = 0; step < training.steps(); ++step) out.push_back(schedule.rate(step));
  return out;
}

Numbers weights_of(Initializer& initializer) {
  Numbers out(64);
  initializer.fill(out, 12, 6, Rng(1));
  return out;
}

/// What a quantizer makes of values on its ties, or between its levels, whatever it was fitted to.
void append_codings(Quantization& fitted, Numbers& out) {
  out.push_back(fitted.first_code());
  for (float level : fitted.levels(0)) out.push_back(std::isnan(level) ? 1e30 : level);
  const auto affine = fitted.affine(0);
  const float step = affine ? affine->scale : 0.037f;
  std::vector<float> values;
  for (int k = -80; k <= 80; ++k) values.push_back((static_cast<float>(k) + 0.5f) * step);
  for (float value : {1e-3f, 1e9f, std::numeric_limits<float>::infinity()}) values.push_back(value);
  std::vector<int32_t> codes(values.size());
  const MutableTile tile{values.data(), static_cast<int64_t>(values.size()), 1, 1, 0, 0, 0, 0};
  fitted.codes(tile, codes.data());
  fitted.apply(tile);
  for (float value : values) out.push_back(std::isnan(value) ? 1e30 : value);
  out.insert(out.end(), codes.begin(), codes.end());
}

/// 300 values with a long tail that fill a range.
Distribution distribution_over(const Range& range) {
  std::map<float, uint64_t> values;
  for (int i = 0; i < 300; ++i) {
    const double place = (i + 0.5) / 300, tailed = place * place * place;
    ++values[static_cast<float>(range.low + (range.high - range.low) * tailed)];
  }
  Distribution out;
  for (const auto& [value, count] : values) {
    out.values.push_back(value);
    out.counts.push_back(count);
  }
  return out;
}

/// What a quantizer makes of ranges about zero, beside it, very narrow, and with ties at their end.
Numbers codings_of(Quantizer& quantizer) {
  Numbers out{static_cast<double>(quantizer.granularity().entries(12))};
  for (const Range range : {Range{-1, 3}, Range{-7, 8}, Range{1, 2}, Range{0, 1e-9}, Range{0, 3},
                            Range{-7.5, 7.5}, Range{-6.5, 8.5}, Range{-0.1, 0.8}}) {
    out.push_back(quantizer.width(range));
    FittingTask task{"tensor", 1, {range}, {}, {0.01}};
    if (quantizer.needs_values()) task.values.push_back(distribution_over(range));
    try {
      append_codings(*quantizer.fit(task), out);
    } catch (const Error&) {  // of a range that it cannot cover
      out.push_back(-1e30);
    }
  }
  return out;
}

/// Of 2,000 images of one pixel of two channels, with long tails; the second has one only.
Numbers ranges_of(RangeEstimator& estimator) {
  const auto quantizer = make<Quantizer>("affine", "", "granularity: per_channel, bit_width: 2");
  const auto observer = estimator.observe({"tensor", 2, quantizer.get()});
  std::vector<float> values;
  for (uint64_t i = 0; i < 4000; ++i) {
    const double normal = Rng(1).normal(i);
    values.push_back(static_cast<float>(normal * (i % 2 == 0 ? std::abs(normal) : normal)));
  }
  do
    for (int64_t chunk = 0; chunk < 250; ++chunk)
      observe_tensor({values.data() + chunk * 16, {8, 2}}, *observer, chunk);
  while (observer->wants_another_pass());
  Numbers out;
  for (const Range& range : observer->ranges()) out.insert(out.end(), {range.low, range.high});
  return out;
}

/// A layer's parameters and its results in training and, after it, in evaluation.
Numbers results_of(Layer<float>& layer) {
  Shape input{7, 7, 4}, output;
  try {
    output = layer.setup(std::span(&input, 1));
  } catch (const Error&) {  // dense reads flat images
    input = Shape{49};
    output = layer.setup(std::span(&input, 1));
  }
  const Options normal = Options::from_text("{name: normal}", "test.yaml");
  layer.initialize(*Registry<Initializer>::instance().make(normal), Rng(1));
  Tensor<float> x(input.batch_of(8)), y(output.batch_of(8));
  for (int64_t i = 0; i < x.elements(); ++i)
    x[i] = static_cast<float>(1 + Rng(2).normal(static_cast<uint64_t>(i)));
  const View<const float> inputs[] = {x.view()};
  Numbers out;
  for (int64_t size : output.sizes()) out.push_back(static_cast<double>(size));
  layer.forward(inputs, y.view());
  out.insert(out.end(), y.values().begin(), y.values().end());
  layer.evaluate(inputs, y.view());
  out.insert(out.end(), y.values().begin(), y.values().end());
  for (const Parameter<float>* parameter : layer.parameters())
    out.insert(out.end(), parameter->master.values().begin(), parameter->master.values().end());
  return out;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(options_flip_test)

BOOST_AUTO_TEST_CASE(every_option_of_an_optimizer_moves_a_parameter) {
  const Flips decay = {{"weight_decay", {"", "0", "0.1"}},
                       {"decay", {"weight_decay: 0.1", "coupled", "decoupled"}},
                       {"decay_norm_and_bias", {"weight_decay: 0.1", "true", "false"}}};
  Flips sgd = {{"momentum", {"", "0.9", "0.5"}}, {"nesterov", {"", "false", "true"}}};
  Flips adam = {{"beta1", {"", "0.9", "0.8"}},
                {"beta2", {"", "0.999", "0.9"}},
                {"epsilon", {"", "1e-8", "0.1"}}};
  sgd.insert(decay.begin(), decay.end());
  adam.insert(decay.begin(), decay.end());
  check_kind<Optimizer>({{"sgd", sgd}, {"adam", adam}}, steps_of);
}

BOOST_AUTO_TEST_CASE(every_option_of_a_schedule_changes_a_rate) {
  const auto with_common = [](const std::string& base, Flips flips) {
    const std::string rate = base + "learning_rate: 0.1";
    flips["learning_rate"] = {base + "warmup_steps: 0", "0.1", "0.2"};
    flips["warmup_epochs"] = {rate, "0", "1"};
    flips["warmup_steps"] = {rate, "0", "2"};
    flips["warmup_start"] = {rate + ", warmup_steps: 4", "0", "0.5"};
    return flips;
  };
  const std::string rate = "learning_rate: 0.1";
  const Flips cosine = {{"final", {rate, "0", "0.05"}}, {"every", {rate, "step", "epoch"}}};
  const Flips step = {{"epochs", {rate, "[1, 2]", "[1.5]"}},
                      {"factor", {rate + ", epochs: 2", "0.1", "0.5"}},
                      {"every", {rate + ", epochs: 1.5", "step", "epoch"}}};
  check_kind<Schedule, TrainingLength>({{"constant", with_common("", {})},
                                        {"cosine", with_common("", cosine)},
                                        {"step", with_common("epochs: 2, ", step)}},
                                       rates_of, training);
}

BOOST_AUTO_TEST_CASE(every_option_of_an_initializer_changes_a_weight) {
  const Flips gain = {{"gain", {"", "1", "2"}}};
  const Flips normal = {{"mean", {"", "0", "1"}}, {"std", {"", "0.05", "0.1"}}};
  check_kind<Initializer>(
      {{"he_normal", gain},
       {"he_uniform", gain},
       {"glorot_normal", gain},
       {"glorot_uniform", gain},
       {"normal", normal},
       {"truncated_normal", normal},
       {"uniform", {{"low", {"", "-0.05", "-1"}}, {"high", {"", "0.05", "1"}}}}},
      weights_of);
}

BOOST_AUTO_TEST_CASE(every_option_of_a_quantizer_changes_a_code_or_a_value) {
  const std::string symmetric = "symmetric: true", four_bits = "bit_width: 4";
  const Flips affine = {{"profile", {"", "none", "torch"}},
                        {"bit_width", {"", "8", "4"}},
                        {"granularity", {"", "per_tensor", "per_channel"}},
                        {"group_size", {"granularity: per_group", "2", "3"}},
                        {"symmetric", {"", "false", "true"}},
                        {"signed", {"", "false", "true"}},
                        {"restricted_range", {"", "false", "true"}},
                        {"widen_to_zero", {"", "true", "false"}},
                        {"widen_for_bias", {"", "false", "true"}},
                        {"symmetric_divisor", {symmetric, "highest_code", "half_span"}},
                        {"narrow", {"", "smallest_scale", "scale_of_one"}},
                        {"smallest_scale", {"", "1e-7", "1e-3"}},
                        {"smallest_width", {"narrow: widen", "1e-6", "1e-3"}},
                        {"scale_precision", {"", "float32", "float64"}},
                        {"power_of_two", {"", "none", "ceil"}},
                        {"zero_point",
                         {"signed: true, bit_width: 4, zero_point_rounding: half_away_from_zero",
                          "round_then_subtract", "subtract_then_round"}},
                        {"zero_point_rounding", {four_bits, "half_to_even", "half_away_from_zero"}},
                        {"rounding", {four_bits, "half_to_even", "half_away_from_zero"}},
                        {"seed", {"rounding: stochastic", "0", "1"}},
                        {"order", {four_bits, "round_then_add", "add_then_round"}},
                        {"scaling", {"", "divide", "reciprocal"}}};
  const std::string custom = "format: custom, ", scaled = "scaling: range";
  const Flips small_float = {{"format", {"", "e4m3", "e5m2"}},
                             {"exponent_bits", {custom + "mantissa_bits: 3", "3", "4"}},
                             {"mantissa_bits", {custom + "exponent_bits: 3", "3", "4"}},
                             {"bias", {"", "7", "8"}},
                             {"special", {"", "finite_nan", "ieee"}},
                             {"saturate", {"", "true", "false"}},
                             {"granularity", {scaled, "per_tensor", "per_channel"}},
                             {"group_size", {scaled + ", granularity: per_group", "2", "3"}},
                             {"scaling", {"", "none", "range"}},
                             {"power_of_two", {scaled, "none", "ceil"}},
                             {"smallest_scale", {scaled, "1e-30", "1e-3"}}};
  const Flips grouped = {{"granularity", {"", "per_tensor", "per_channel"}},
                         {"group_size", {"granularity: per_group", "2", "3"}}};
  Flips logarithmic = {{"bit_width", {"", "4", "5"}},
                       {"base", {"", "2", "sqrt2"}},
                       {"signed", {"", "true", "auto"}},
                       {"rounding", {"", "logarithmic", "linear"}},
                       {"underflow", {"bit_width: 2", "zero", "smallest"}},
                       {"power_of_two", {"", "nearest", "ceil"}},
                       {"smallest_scale", {"", "1e-7", "1e-3"}}};
  Flips codebook = {{"levels", {"", "16", "5"}}, {"zero_level", {"", "false", "true"}}};
  Flips ternary = {{"threshold", {"", "0.7", "1"}}};
  for (Flips* flips : {&logarithmic, &codebook, &ternary})
    flips->insert(grouped.begin(), grouped.end());
  check_kind<Quantizer>({{"affine", affine},
                         {"codebook", codebook},
                         {"float", small_float},
                         {"logarithmic", logarithmic},
                         {"ternary", ternary}},
                        codings_of);
}

BOOST_AUTO_TEST_CASE(every_option_of_a_range_estimator_changes_a_range) {
  const Flips search = {{"steps", {"", "16", "5"}},
                        {"octaves", {"steps: 1", "1", "2"}},
                        {"ends", {"", "apart", "together"}}};
  Flips lp = search;
  lp["p"] = {"", "2", "4"};
  lp["octaves"] = {"steps: 1, p: 1", "1", "2"};
  check_kind<RangeEstimator>(
      {{"aciq",
        {{"distribution", {"", "laplace", "gauss"}},
         {"half_range", {"", "auto", "never"}},
         {"within_ends", {"half_range: never", "true", "false"}}}},
       {"cross_entropy", search},
       {"kl",
        {{"rule", {"", "tensorrt", "onnxruntime"}},
         {"bins", {"", "2048", "500"}},
         {"levels", {"", "16", "64"}},
         {"first_bin", {"levels: 8, bins: 100", "counted", "as_second"}}}},
       {"lp", lp},
       {"minmax", {}},
       {"moving_average", {{"window", {"", "32", "8"}}, {"constant", {"", "0.01", "0.1"}}}},
       {"mse", search},
       {"percentile", {{"p", {"", "99", "90"}}}},
       {"sigma", {{"k", {"", "2", "3"}}, {"within_ends", {"k: 9", "true", "false"}}}},
       {"torch_histogram", {{"bins", {"", "2048", "100"}}}}},
      ranges_of);
}

BOOST_AUTO_TEST_CASE(every_option_of_a_layer_changes_its_result) {
  const Flips pool = {{"kernel", {"", "2", "3"}},
                      {"stride", {"", "2", "1"}},
                      {"padding", {"kernel: 3", "valid", "same"}}};
  Flips average = pool;
  average["count_padding"] = {"kernel: 3, padding: 1", "false", "true"};
  const std::string conv = "channels: 4, kernel: 3";
  const Flips conv2d = {{"channels", {"kernel: 3", "4", "8"}},
                        {"groups", {conv, "1", "2"}},
                        {"kernel", {"channels: 4", "3", "1"}},
                        {"stride", {conv, "1", "2"}},
                        {"padding", {conv, "same", "valid"}},
                        {"bias", {conv, "true", "false"}},
                        {"initializer", {conv, "he_normal", "he_uniform"}}};
  const Flips dense = {{"units", {"", "2", "3"}},
                       {"bias", {"units: 2", "true", "false"}},
                       {"initializer", {"units: 2", "network", "he_normal"}}};
  const std::map<std::string, Flips> table = {
      {"conv2d", conv2d},
      {"max_pool", pool},
      {"average_pool", average},
      {"batch_norm", {{"epsilon", {"", "1e-5", "0.1"}}, {"momentum", {"", "0.1", "0.5"}}}},
      {"dense", dense},
      {"channel_clip", {{"low", {"", "0", "-1"}}, {"high", {"", "6", "1"}}}},
      {"leaky_relu", {{"slope", {"", "0.01", "0.2"}}}}};
  const auto results = [](Layer<float>& layer) { return results_of(layer); };
  check_kind<Layer<float>>(table, results);
}

BOOST_AUTO_TEST_SUITE_END()
