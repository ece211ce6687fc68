#include "framework/run/chain.h"

#include <algorithm>

namespace quantdyn {
namespace {

/// One primitive, evaluated by its reference implementation.
class PrimitiveEvaluation final : public EvaluationStep {
 public:
  PrimitiveEvaluation(const Network& network, int node)
      : EvaluationStep({node}), layer_(*network.layer(node)), taps_(network.nodes()[node].taps) {}

  void evaluate(std::span<const View<const float>> x, View<float> y, const UnitTaps& taps,
                const EvaluationChunk& chunk) const override {
    layer_.evaluate(x, y);
    const int64_t channels = y.shape.channels();
    const int64_t rows = y.shape.of_one().rows() * chunk.images;
    for (TapKind kind : taps_)
      visit(taps[static_cast<size_t>(kind)], y.data, rows, channels, 0, chunk);
  }

 private:
  const Layer<float>& layer_;
  const std::vector<TapKind> taps_;
};

/// One primitive, trained by its reference implementation.
class PrimitiveTraining final : public TrainingStep {
 public:
  PrimitiveTraining(Network& network, int node)
      : TrainingStep({node}), layer_(*network.layer(node)) {}

  void forward(std::span<const View<const float>> x, View<float> y, View<float>, float*) override {
    layer_.forward(x, y);
  }

  void backward(std::span<const View<const float>> x, View<const float> y, View<float>,
                View<float> dy, std::span<const InputGradient> dx, float*) override {
    std::vector<View<float>> gradients;
    for (const InputGradient& gradient : dx) {
      if (gradient.to && gradient.accumulate == Accumulate::no)
        std::ranges::fill(gradient.to.values(), 0.0f);
      gradients.push_back(gradient.to);
    }
    layer_.backward(x, y, dy, gradients);
  }

 private:
  Layer<float>& layer_;
};

enum class Purpose { evaluation, training };

std::vector<int> nodes_of(const FusedChain& chain, const Network& network, int first,
                          Purpose purpose) {
  const bool has_more = purpose == Purpose::evaluation && chain.evaluated;
  return has_more ? chain.evaluated(network, first) : chain.nodes(network, first);
}

/// Calls fused(chain, nodes) or primitive(node) for each step of a net, in order.
template <typename Fused, typename Primitive>
void for_each_step(const Network& network, Fusing fusing, Purpose purpose, const Fused& fused,
                   const Primitive& primitive) {
  std::vector<bool> covered(network.nodes().size(), false);
  for (int i = 1; i < static_cast<int>(network.nodes().size()); ++i) {
    if (covered[i] || !network.layer(i)) continue;
    std::vector<int> nodes;
    const FusedChain* found = nullptr;
    if (fusing == Fusing::fused)
      for (const FusedChain& chain : fused_chains())
        if (found == nullptr && !(nodes = nodes_of(chain, network, i, purpose)).empty())
          found = &chain;
    for (int node : nodes) covered[node] = true;
    if (found)
      fused(*found, nodes);
    else
      primitive(i);
  }
}

}  // namespace

std::vector<FusedChain>& fused_chains() {
  static std::vector<FusedChain> chains;
  return chains;
}

std::vector<std::unique_ptr<EvaluationStep>> make_evaluation_steps(const Network& network,
                                                                   Fusing fusing,
                                                                   ConvolutionAlgorithm algorithm) {
  std::vector<std::unique_ptr<EvaluationStep>> steps;
  for_each_step(
      network, fusing, Purpose::evaluation,
      [&](const FusedChain& chain, const std::vector<int>& nodes) {
        steps.push_back(chain.evaluation(network, nodes, algorithm));
      },
      [&](int node) { steps.push_back(std::make_unique<PrimitiveEvaluation>(network, node)); });
  return steps;
}

std::vector<std::unique_ptr<TrainingStep>> make_training_steps(Network& network, Fusing fusing,
                                                               ConvolutionAlgorithm algorithm) {
  std::vector<std::unique_ptr<TrainingStep>> steps;
  for_each_step(
      network, fusing, Purpose::training,
      [&](const FusedChain& chain, const std::vector<int>& nodes) {
        steps.push_back(chain.training(network, nodes, algorithm));
      },
      [&](int node) { steps.push_back(std::make_unique<PrimitiveTraining>(network, node)); });
  return steps;
}

}  // namespace quantdyn
