#include "framework/run/step.h"

#include <algorithm>

#include "framework/base/threads.h"

namespace quantdyn {
namespace {

/// One primitive, run by its reference implementation.
class PrimitiveStep final : public Step {
 public:
  PrimitiveStep(const Network& network, int node)
      : Step({node}), layer_(network.layer(node)), taps_(network.nodes()[node].taps) {}

  void evaluate(std::span<const View<const float>> x, View<float> y, const UnitTaps& taps,
                const EvaluationChunk& chunk) const override {
    layer_->evaluate(x, y);
    const int64_t channels = y.shape.channels();
    const int64_t rows = y.shape.of_one().rows() * chunk.images;
    for (TapKind kind : taps_)
      visit(taps[static_cast<size_t>(kind)], y.data, rows, channels, 0, chunk);
  }

  void forward(std::span<const View<const float>> x, View<float> y, View<float>, float*) override {
    layer_->forward(x, y);
  }

  void backward(std::span<const View<const float>> x, View<const float> y, View<float>,
                View<float> dy, std::span<const InputGradient> dx, float*) override {
    std::vector<View<float>> gradients;
    for (const InputGradient& gradient : dx) {
      if (gradient.to && gradient.accumulate == Accumulate::no)
        std::ranges::fill(gradient.to.values(), 0.0f);
      gradients.push_back(gradient.to);
    }
    layer_->backward(x, y, dy, gradients);
  }

 private:
  Layer<float>* layer_;
  std::vector<TapKind> taps_;
};

}  // namespace

void visit(const Tap& tap, float* values, int64_t rows, int64_t channels, int64_t first_row,
           const EvaluationChunk& chunk) {
  if (tap.empty()) return;
  const int64_t most = rows_per_tile(channels);
  for (int64_t row = 0; row < rows; row += most) {
    const MutableTile tile{values + row * channels,
                           std::min(most, rows - row),
                           channels,
                           channels,
                           first_row + row,
                           0,
                           chunk.index,
                           chunk.worker};
    if (chunk.observed)
      for (Observer* observer : tap.before) observer->add(tile);
    if (tap.transform) tap.transform->apply(tile);
    if (chunk.observed)
      for (Observer* observer : tap.after) observer->add(tile);
  }
}

std::vector<StepMaker>& step_makers() {
  static std::vector<StepMaker> makers;
  return makers;
}

std::vector<std::unique_ptr<Step>> make_steps(const Network& network, Fusing fusing,
                                              ConvolutionAlgorithm algorithm) {
  std::vector<std::unique_ptr<Step>> steps;
  std::vector<bool> covered(network.nodes().size(), false);
  for (int i = 1; i < static_cast<int>(network.nodes().size()); ++i) {
    if (covered[i] || !network.layer(i)) continue;
    std::unique_ptr<Step> step;
    if (fusing == Fusing::fused)
      for (StepMaker make : step_makers())
        if (!step) step = make(network, i, algorithm);
    if (!step) step = std::make_unique<PrimitiveStep>(network, i);
    for (int node : step->nodes()) covered[node] = true;
    steps.push_back(std::move(step));
  }
  return steps;
}

}  // namespace quantdyn
