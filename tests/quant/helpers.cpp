#include "tests/quant/helpers.h"

#include <algorithm>
#include <cmath>

#include "framework/run/evaluator.h"

namespace quantdyn::test {

void draw_parameters(Network& network, double spread, double shift) {
  const Options he = Options::from_text("{name: he_normal}", "test.yaml");
  network.initialize(*Registry<Initializer>::instance().make(he), Rng(3));
  uint64_t i = 0;
  const Rng rng(4);
  for (const auto& named : network.parameters()) {
    Parameter<float>& p = *named.parameter;
    const bool is_scale = p.name == "gamma" || p.name == "running_variance";
    const bool is_shift = p.name == "beta" || p.name == "running_mean" || p.name == "bias";
    for (int64_t k = 0; (is_scale || is_shift) && k < p.master.elements(); ++k, ++i)
      p.master[k] = static_cast<float>(is_scale ? 1 - spread + 2 * spread * rng.uniform(i)
                                                : shift * rng.normal(i));
  }
}

Network network_of(const std::string& yaml) {
  Network out = Network::from_options(Options::from_text(yaml, "net.yaml"));
  draw_parameters(out, 0.8, 0.5);
  return out;
}

Network small_network(const std::string& activation) {
  return network_of(fmt::format(R"(
input: [8, 8, 3]
defaults:
  block: {{activation: {0}}}
  separable: {{activation: {0}}}
  residual: {{activation: {0}}}
nodes:
  - block: {{name: conv1, channels: 8}}
  - separable: {{name: sep2, channels: 12}}
  - residual: {{name: res3, channels: 12}}
  - global_average_pool: {{name: pool}}
  - dense: {{name: logits, units: 4}}
)",
                                activation));
}

int unit_of(const Network& network, const std::string& name) {
  for (size_t unit = 0; unit < network.units().size(); ++unit)
    if (network.units()[unit].name == name) return static_cast<int>(unit);
  throw_error("no unit '{}'", name);
}

Tensor<float> images_of(const Network& network) {
  Tensor<float> out(network.input_shape().batch_of(16));
  const Rng rng(6);
  for (int64_t i = 0; i < out.elements(); ++i)
    out[i] = static_cast<float>(rng.normal(static_cast<uint64_t>(i)));
  return out;
}

std::vector<float> logits_of(const Network& network, const Tensor<float>& images) {
  Evaluator evaluator(network, Fusing::unfused, ConvolutionAlgorithm::direct, Keep::logits);
  Tensor<float> logits(network.output_shape().batch_of(images.shape()[0]));
  evaluator.run(images.view(), images.shape()[0], 0, logits.view());
  return {logits.values().begin(), logits.values().end()};
}

double largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  double gap = 0, size = 0;
  for (size_t i = 0; i < b.size(); ++i) {
    gap = std::max(gap, static_cast<double>(std::abs(a[i] - b[i])));
    size = std::max(size, static_cast<double>(std::abs(b[i])));
  }
  return gap / size;
}

Frame frame_of(const Network& network) {
  std::vector<int64_t> offsets{0};
  for (const Unit& unit : network.units())
    offsets.push_back(offsets.back() + network.nodes()[unit.last].shape.channels());
  return Frame(offsets);
}

std::vector<double> channel_report(const Frame& frame, const std::string& name, int unit) {
  const auto& all =
      std::get<std::vector<double>>(frame.arrays().at("channelwise/repairs/" + name).values);
  int64_t offset = 0;
  for (int before = 0; before < unit; ++before) offset += frame.channels_of(before);
  return {all.begin() + offset, all.begin() + offset + frame.channels_of(unit)};
}

}  // namespace quantdyn::test
