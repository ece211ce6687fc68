// A small made-up run for the tests of the result file: 4 nodes, 11 channels, 5 bins, 3 snapshots.
#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "experiments/results/result_writer.h"

namespace quantdyn::fabricated {

inline RunFacts facts() {
  RunFacts out;
  out.raw_yaml = "seed: 7  # größer\n";
  out.resolved_yaml = "seed: 7\nepochs: 1\n";
  out.network_yaml = "nodes: []\n";
  out.seed = 7;
  out.command_line = "quantdyn run a.yaml --set seed=7";
  out.created = "2025-01-02T03:04:05Z";
  out.git_revision = "0123abc";
  out.version = "0.1.0";
  out.provenance = {{"compiler", "gcc 12.2"}, {"threads", int64_t{2}}, {"load", 0.5}};
  out.network = {{"conv1", "conv2d", "input", {8, 8, 3}, 81, 5184, 0, 3},
                 {"dw2", "conv2d", "conv1", {8, 8, 2}, 27, 1728, 3, 2},
                 {"größer", "conv2d", "dw2", {8, 8, 2}, 4, 256, 5, 2},
                 {"add", "add", "dw2, größer", {8, 8, 4}, 0, 0, 7, 4}};
  const std::vector<double> edges = {-INFINITY, -1, 0, 1, INFINITY};
  out.axes = {{"bin",
               "bin of a histogram",
               4,
               {{{"bin_lower", "1", "lower edge", "", ""}, {edges.begin(), edges.end() - 1}},
                {{"bin_upper", "1", "upper edge", "", ""}, {edges.begin() + 1, edges.end()}}}},
              {"gradient_bin",
               "bin of a histogram of gradients",
               2,
               {{{"gradient_bin_lower", "1", "lower edge", "", ""}, {-0.5, 0}},
                {{"gradient_bin_upper", "1", "upper edge", "", ""}, {0, 0.5}}}}};
  return out;
}

/// layerwise/output/mean is 100 snapshot + layer (NaN in `add`), channelwise/output/max 100
/// snapshot + channel, channel counts 1000 snapshot + 10 channel + bin; local_sqnr only where the
/// net is quantized.
inline Snapshot snapshot(int64_t index) {
  const bool is_quantized = index == 2;
  Snapshot out{index == 0 ? 0 : 1,
               index == 0 ? 0 : 50,
               is_quantized ? "int8" : "float32",
               Frame({0, 3, 5, 7, 11}),
               {},
               {}};
  const Quantity mean{"mean", "1", "mean of all values", "", ""},
      maximum{"max", "1", "largest value", "", ""};
  const Quantity count{"count", "1", "number of values", "", ""};
  const Quantity histogram{"histogram", "1", "number of values in each bin", "", "bin"};
  const Quantity sqnr{"local_sqnr", "dB", "signal-to-quantization-noise ratio",
                      "10 log10(sum x^2 / sum (x - q)^2)", ""};
  Frame& frame = out.frame;
  for (int64_t node = 0; node < 4; ++node) {
    if (node < 3) frame.layer("output", mean, node, static_cast<double>(100 * index + node));
    frame.layer("output", count, node, static_cast<uint64_t>(5'000'000'000 + node));
    if (is_quantized)
      frame.layer("output", sqnr, node, node == 3 ? INFINITY : 30.0 + static_cast<double>(node));
    std::vector<double> maxima;
    std::vector<uint64_t> counts;
    for (int64_t c = 0; c < frame.channels_of(node); ++c) {
      const int64_t channel = facts().network[static_cast<size_t>(node)].channel_offset + c;
      maxima.push_back(static_cast<double>(100 * index + channel));
      for (int64_t bin = 0; bin < 4; ++bin)
        counts.push_back(static_cast<uint64_t>(1000 * index + 10 * channel + bin));
    }
    frame.channel("output", maximum, node, std::span<const double>(maxima));
    frame.channel("output", histogram, node, std::span<const uint64_t>(counts));
  }
  frame.network({"accuracy", "1", "share of images classified right", "correct / images", ""},
                0.5 + 0.125 * static_cast<double>(index));
  if (!is_quantized) {
    const Quantity counts{"histogram", "1", "number of values in each bin", "", "gradient_bin"};
    const std::vector<uint64_t> halves = {3, static_cast<uint64_t>(index)};
    frame.layer("weight_gradient", counts, 1, std::span<const uint64_t>(halves));
    std::vector<float> weight(27);
    for (size_t i = 0; i < weight.size(); ++i)
      weight[i] = static_cast<float>(index) + static_cast<float>(i) / 32;
    out.weights = {{"dw2", "weight", {3, 3, 3}, weight}, {"dw2", "bias", {2}, {0.5f, -0.5f}}};
    return out;
  }
  QuantizationEntry entry;
  entry.node = "dw2";
  entry.tensor = "weight";
  entry.rows = 2;
  entry.shape = {3, 2};
  entry.codes = std::vector<int8_t>{-2, -1, 0, 1, 1, -2};
  entry.levels = {-2, -1, 0, 1, -4, -2, 0, 2};
  entry.scale = {1, 2};
  entry.zero_point = {0, 0};
  entry.facts = {{"bit_width", int64_t{2}}, {"scheme", "affine"}};
  QuantizationEntry activation;
  activation.node = "conv1";
  activation.tensor = "output";
  activation.scale = {0.25};
  activation.zero_point = {-3};
  activation.convergence_images = {8, 64};
  activation.convergence_low = {-1, -2};
  activation.convergence_high = {1, 3};
  out.quantization = {entry, activation};
  return out;
}

/// Adds a snapshot with raw tensors: the output of `dw2`, and the gradient of its weight where
/// nothing is quantized.
inline void add(ResultWriter& writer, int64_t index, Snapshot made) {
  made.begun = writer.begin_snapshot();
  const std::vector<float> values(256, 0.25f), gradient(9, -1.0f);
  made.begun->make("dw2", "output", {2, 8, 8, 2}).write(0, values);
  if (index != 2) made.begun->make("dw2", "weight_gradient", {3, 3}).write(0, gradient);
  writer.add_snapshot(std::move(made));
}

/// The whole run, finished.
inline void write(const std::filesystem::path& output, Overwrite overwrite = Overwrite::refuse) {
  ResultWriter writer(output, facts(), overwrite);
  add(writer, 0, snapshot(0));
  writer.add_training_row({50, 1, 1.5, 0.25, 0.1, 2.5});
  add(writer, 1, snapshot(1));
  add(writer, 2, snapshot(2));
  writer.finish();
}

}  // namespace quantdyn::fabricated
