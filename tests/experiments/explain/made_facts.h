// Made-up figures of a layer and of a net, for the tests of what explains them.
#pragma once

#include "experiments/explain/explanation.h"

namespace quantdyn::made {

/// Four channels on one 8-bit range from -1 to 1, all alike, a norm with epsilon 0.001, and a local
/// error of 1 in every channel, of which the output's quantizer makes a quarter.
inline LayerFacts layer() {
  LayerFacts out;
  out.name = "dw1";
  out.kind = "depthwise";
  out.channels = 4;
  out.elements = 4;
  out.weight = {8, 1, 2,
                "{estimator: {name: minmax}, quantizer: {name: affine, bit_width: 8, granularity: "
                "per_tensor}}"};
  out.output = {8, 1, 2,
                "{estimator: {name: minmax}, quantizer: {name: affine, bit_width: 8, granularity: "
                "per_tensor}}"};
  out.values = {{"output/accumulated_qmse", 1},
                {"output/propagated_qmse", 0},
                {"output/added_qmse", 1},
                {"output/local_qmse", 1},
                {"output/local_sqnr", 40},
                {"output/quantizer_qmse", 0.25},
                {"output/clipping_error", 0},
                {"output/rounding_error", 0.25},
                {"output/code_entropy", 7},
                {"weight/quantizer_qmse", 1},
                {"weight/clipping_error", 0},
                {"weight/rounding_error", 1},
                {"weight/code_entropy", 7},
                {"folded_weight/count", 1000},
                {"folded_weight/min", -1},
                {"folded_weight/max", 1},
                {"output/min", -1},
                {"output/max", 1},
                {"float:output/zero_fraction", 0}};
  const std::vector<double> zero(4, 0.0), one(4, 1.0), minus(4, -1.0);
  const double step = 2.0 / 255;
  out.channel_values = {
      {"folded_weight/min", minus},
      {"folded_weight/max", one},
      {"weight/local_qmse", std::vector<double>(4, step * step / 12)},
      {"output/local_qmse", one},
      {"output/quantizer_qmse", std::vector<double>(4, 0.25)},
      {"output/accumulated_qmse", one},
      {"output/local_mean_shift", zero},
      {"output/accumulated_mean_shift", zero},
      {"float:output/mean", zero},
      {"float:output/variance", one},
      {"float:batch_norm/gamma", one},
      {"float:batch_norm/running_std", one},
      {"float:batch_norm/gamma_over_sigma", std::vector<double>(4, 1 / std::sqrt(1.001))}};
  return out;
}

/// An input, then dw1 of layer(), which reads it; accuracy 0.5 instead of 0.8 on 1,000 images.
inline NetFacts net(const LayerFacts& second = layer()) {
  LayerFacts input;
  input.name = input.kind = "input";
  input.channels = 3;
  input.elements = 3;
  input.values = {{"output/accumulated_qmse", 1e-4},
                  {"output/propagated_qmse", 0},
                  {"output/added_qmse", 1e-4},
                  {"output/local_sqnr", 40}};
  NetFacts out{.file = "made.h5",
               .experiment = "made",
               .of_float = {0, 1, 50, "float32"},
               .of_variant = {1, 1, 50, "int8"},
               .layers = {input, second},
               .float_values = {{"accuracy", 0.8}},
               .values = {{"accuracy", 0.5},
                          {"relative_accuracy_decrease", 0.375},
                          {"agreement", 0.6},
                          {"logits_sqnr", 8},
                          {"nonfinite_images", 0}},
               .test_images = 1000,
               .bin_lower = {-1, -0.25, 0.25},
               .bin_upper = {-0.25, 0.25, 1}};
  out.layers[1].inputs = {0};
  return out;
}

}  // namespace quantdyn::made
