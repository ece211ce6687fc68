#include "stats/distances/channel_distances.h"

#include <map>
#include <numeric>
#include <utility>
#include <vector>

#include "framework/base/threads.h"
#include "stats/distances/binned_frame.h"

namespace quantdyn {
namespace {

const Quantity js_quantity{
    .name = "js_to_layer",
    .units = "bit",
    .long_name = "Jensen-Shannon divergence between the channel's and the layer's values",
    .formula = "KL(p||m)/2 + KL(q||m)/2, m = (p + q)/2, log2, on the bins (Lin 1991, section IV)"};
const Quantity js_excess_quantity{
    .name = "js_to_layer_excess",
    .units = "bit",
    .long_name =
        "Jensen-Shannon divergence between the channel's and the layer's values, beyond "
        "that of as many values drawn from the layer",
    .formula =
        "js_to_layer - E[js_to_layer of n values drawn from the layer with replacement], n "
        "the channel's values"};
const Quantity wasserstein_quantity{
    .name = "wasserstein_to_layer",
    .units = "1",
    .long_name = "1-Wasserstein distance between the channel's and the layer's values",
    .formula = "integral |F(x) - G(x)| dx, mass uniform within a bin (Vallender 1974)"};
const Quantity average_js_quantity{
    .name = "average_js_to_layer",
    .units = "bit",
    .long_name = "mean Jensen-Shannon divergence between a channel's and the layer's values",
    .formula = "mean_i js_to_layer_i"};
const Quantity average_js_excess_quantity{
    .name = "average_js_to_layer_excess",
    .units = "bit",
    .long_name =
        "mean Jensen-Shannon divergence between a channel's and the layer's values, "
        "beyond that of as many values drawn from the layer",
    .formula = "mean_i js_to_layer_excess_i"};
const Quantity average_wasserstein_quantity{
    .name = "average_wasserstein_to_layer",
    .units = "1",
    .long_name = "mean 1-Wasserstein distance between a channel's and the layer's values",
    .formula = "mean_i wasserstein_to_layer_i"};

double mean_of(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

struct NodeChannel {
  int64_t node, channel;
};

using NodeValues = std::pair<int64_t, uint64_t>;  // a node, and how many values a channel has

/// expected_js_divergence() of every pair once: the channels of a layer mostly have as many values.
std::map<NodeValues, double> expected_divergences(
    std::span<const NodeValues> pairs, std::span<const std::optional<BinnedDistribution>> layers) {
  std::map<NodeValues, double> out;
  for (const NodeValues& pair : pairs) out.emplace(pair, 0.0);
  std::vector<std::map<NodeValues, double>::iterator> each;
  for (auto it = out.begin(); it != out.end(); ++it) each.push_back(it);
  parallel_for(static_cast<int64_t>(each.size()), [&](int64_t i, int) {
    const auto& [node, values] = each[i]->first;
    each[i]->second = expected_js_divergence(values, layers[node]->counts());
  });
  return out;
}

}  // namespace

void save_channel_distances(Frame& frame, const std::string& tensor) {
  std::vector<std::optional<BinnedDistribution>> layers;
  std::vector<NodeChannel> all;  // one walk over the channels of all nodes
  for (int64_t node = 0; node < frame.nodes(); ++node) {
    layers.push_back(layer_distribution(frame, tensor, node));
    for (int64_t channel = 0; layers.back() && channel < frame.channels_of(node); ++channel)
      all.push_back({node, channel});
  }
  std::vector<double> js(all.size()), excess(all.size()), wasserstein(all.size());
  std::vector<NodeValues> values(all.size());
  parallel_for(static_cast<int64_t>(all.size()), [&](int64_t i, int) {
    const auto [node, channel] = all[i];
    const BinnedDistribution own = channel_distribution(frame, tensor, node, channel);
    js[i] = js_divergence(own.counts(), layers[node]->counts());
    values[i] = {node, own.total()};
    wasserstein[i] = wasserstein_distance(own, *layers[node]);
  });
  const auto expected = expected_divergences(values, layers);
  for (size_t i = 0; i < all.size(); ++i) excess[i] = js[i] - expected.at(values[i]);
  size_t first = 0;
  for (int64_t node = 0; node < frame.nodes(); ++node) {
    if (!layers[node]) continue;
    const auto channels = static_cast<size_t>(frame.channels_of(node));
    const auto node_js = std::span<const double>(js).subspan(first, channels);
    const auto node_wasserstein = std::span<const double>(wasserstein).subspan(first, channels);
    const auto node_excess = std::span<const double>(excess).subspan(first, channels);
    frame.channel(tensor, js_quantity, node, node_js);
    frame.channel(tensor, js_excess_quantity, node, node_excess);
    frame.channel(tensor, wasserstein_quantity, node, node_wasserstein);
    frame.layer(tensor, average_js_quantity, node, mean_of(node_js));
    frame.layer(tensor, average_js_excess_quantity, node, mean_of(node_excess));
    frame.layer(tensor, average_wasserstein_quantity, node, mean_of(node_wasserstein));
    first += channels;
  }
}

}  // namespace quantdyn
