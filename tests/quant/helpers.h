// Short ways to make schemes, tensors and checks in the tests of quant.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "framework/h5/frame.h"
#include "quant/schemes/quantize.h"
#include "quant/variants/variant.h"
#include "tests/errors.h"

namespace quantdyn::test {

/// Units: input, conv1, sep2_dw, sep2_pw, res3_1, res3_2, res3 (the add), pool, logits; relu after
/// the blocks and the add, `activation` instead where it is given. Weights are drawn, and so are
/// the norms.
Network small_network(const std::string& activation = "relu");
/// He's initialization, and norms that do something, no two of them alike: scales and variances
/// between 1 - spread and 1 + spread, shifts and means of a deviation of `shift`.
void draw_parameters(Network& network, double spread, double shift);
/// A net from a network file's text, its weights drawn as those of small_network().
Network network_of(const std::string& yaml);
/// The unit of that name.
int unit_of(const Network& network, const std::string& name);

/// Random images, 16 of them.
Tensor<float> images_of(const Network& network);
/// The logits of 16 images, by the unfused reference.
std::vector<float> logits_of(const Network& network, const Tensor<float>& images);
/// The largest |a - b| beside the largest |b|.
double largest_difference(const std::vector<float>& a, const std::vector<float>& b);
/// Empty arrays for a net, as a variant's snapshot has them.
Frame frame_of(const Network& network);
/// A node's part of channelwise/repairs/<name>.
std::vector<double> channel_report(const Frame& frame, const std::string& name, int unit);

/// Of small_network(), from flow-style YAML: variant("{name: a, weights: {quantizer: affine}}").
inline Variant variant(const std::string& entry) {
  const Options root = Options::from_text("variants: [" + entry + "]", "test.yaml");
  return std::move(read_variants(root.list("variants", ""), small_network(), {1000, 1000}).front());
}
/// From flow-style YAML: scheme("{quantizer: {name: affine, bit_width: 4}}").
inline std::shared_ptr<const Scheme> scheme(const std::string& section) {
  const Options root = Options::from_text("scheme: " + section, "test.yaml");
  return read_scheme(root.section("scheme", ""));
}
inline std::unique_ptr<Quantizer> quantizer(const std::string& plugin) {
  const Options root = Options::from_text("quantizer: " + plugin, "test.yaml");
  return QuantizerRegistry::instance().make(root.plugin("quantizer", Options::required, ""));
}
inline std::unique_ptr<RangeEstimator> estimator(const std::string& plugin) {
  const Options root = Options::from_text("estimator: " + plugin, "test.yaml");
  return RangeEstimatorRegistry::instance().make(root.plugin("estimator", Options::required, ""));
}

/// Shows values [rows, channels] to an observer at once.
inline void show(const std::vector<float>& values, int64_t channels, Observer& observer) {
  const auto rows = static_cast<int64_t>(values.size()) / channels;
  observe_tensor({values.data(), {rows, channels}}, observer);
}
/// Values [rows, channels] as a tile that may be replaced.
inline MutableTile tile_of(std::vector<float>& values, int64_t rows, int64_t channels,
                           int64_t row_stride, int64_t first_channel = 0) {
  return {values.data(), rows, channels, row_stride, 0, first_channel, 0, 0};
}
inline MutableTile tile_of(std::vector<float>& values, int64_t channels) {
  return tile_of(values, static_cast<int64_t>(values.size()) / channels, channels, channels);
}

/// The ranges for a quantizer of values [rows, channels] seen at once.
inline std::vector<Range> ranges_for(const Quantizer& quantizer,
                                     const std::string& estimator_plugin,
                                     const std::vector<float>& values, int64_t channels,
                                     TensorKind kind = TensorKind::activation) {
  const auto observer =
      estimator(estimator_plugin)->observe({"conv1/output", channels, &quantizer, kind});
  do show(values, channels, *observer);
  while (observer->wants_another_pass());
  return observer->ranges();
}
/// The same for the quantizer affine.
inline std::vector<Range> ranges_of(const std::string& estimator_plugin,
                                    const std::string& granularity,
                                    const std::vector<float>& values, int64_t channels) {
  return ranges_for(*quantizer("{name: affine, granularity: " + granularity + "}"),
                    estimator_plugin, values, channels);
}

/// What values [rows, channels] become.
inline std::vector<float> applied(const Quantization& q, std::vector<float> values,
                                  int64_t channels = 1) {
  q.apply(tile_of(values, channels));
  return values;
}
inline std::vector<int32_t> codes_of(const Quantization& q, std::vector<float> values,
                                     int64_t channels = 1) {
  std::vector<int32_t> out(values.size());
  q.codes(tile_of(values, channels), out.data());
  return out;
}

}  // namespace quantdyn::test
