// A convolution whose batch norm is folded into its weights while it trains, float32.
#include <algorithm>

#include "framework/run/quantized_training.h"
#include "layers/fused/convolution_training.h"

namespace quantdyn {
namespace {

/// y = activation(conv(x, W^) + shift), W^ = transform(W scale). The norm's scale and shift come
/// from the statistics of z = conv(x, W), or from the running ones (see Folding).
class FoldedConvolutionTraining final : public FoldingStep, public MapReader {
 public:
  FoldedConvolutionTraining(Network& network, const std::vector<int>& nodes,
                            ConvolutionAlgorithm algorithm, Folding folding,
                            WeightTransform* transform)
      : FoldingStep(nodes),
        folding_(folding),
        transform_(transform),
        folded_net_(without_norm(network, network.nodes()[nodes.front()].unit)),
        weight_(*network.layer(nodes.front())->linear()->weight),
        folded_(*folded_net_.layer(1)->linear()),
        statistics_(network, {nodes[0], nodes[1]}, algorithm),
        convolution_(folded_net_, convolution_chain(folded_net_, 1), algorithm) {
    folded_.bias->grad = Tensor<float>(Shape{folded_.out_channels});
    folded_.bias->master = folded_.bias->grad;
    if (transform_) folded_.weight->effective = folded_.weight->master;
  }

  void freeze() override { folding_ = Folding::running; }

  void forward(std::span<const View<const float>> x, View<float> y, View<float> saved,
               float* scratch) override {
    if (folding_ == Folding::batch)
      statistics_.forward(x, {}, saved, scratch);
    else
      statistics_.take_running_statistics();
    fold();
    convolution_.forward(x, y, {}, scratch);
  }
  int64_t saved_floats() const override { return statistics_.saved_floats(); }
  int64_t scratch_floats(int64_t images) const override {
    return std::max(statistics_.scratch_floats(images), convolution_.scratch_floats(images));
  }

  void backward(std::span<const View<const float>> x, View<const float> y, View<float> saved,
                View<float> dy, std::span<const InputGradient> dx, float* scratch) override {
    folded_.weight->grad.fill(0);
    folded_.bias->grad.fill(0);
    const bool is_batch = folding_ == Folding::batch;
    InputGradient first = dx[0];
    if (is_batch) first.watcher = nullptr;  // the gradient is not complete yet
    convolution_.backward(x, y, {}, dy, std::span(&first, 1), scratch);
    if (transform_)
      transform_->backward(folded_.weight->master, folded_.weight->effective, folded_.weight->grad);
    const ConvolutionTraining::MapGradient of_map = unfold();
    if (is_batch)
      statistics_.backward_of_map(x[0], saved, dy, of_map,
                                  {dx[0].to, Accumulate::yes, dx[0].watcher, dx[0].saved}, scratch);
    else
      statistics_.backward_of_running_map(of_map);
  }

  MapReader* map_reader() override { return this; }
  void read_through(const ChannelMap& map) override {
    statistics_.read_through(map);
    convolution_.read_through(map);
  }

 private:
  static Network without_norm(const Network& network, int unit) {
    Network out = network.alone(unit);
    out.bypass(2);
    out.finish();
    return out;
  }
  /// Folds weight and bias by the map, then transforms the weight.
  void fold() {
    const ChannelMap map = statistics_.map();
    Tensor<float>& folded = folded_.weight->master;
    for (int64_t i = 0; i < folded.elements(); ++i)
      folded[i] = weight_.read()[i] * map.scale[i % folded_.out_channels];
    std::copy_n(map.shift, folded_.out_channels, folded_.bias->master.data());
    if (transform_) transform_->forward(folded, folded_.weight->effective);
  }

  /// Adds to the weight's gradient and returns the map's.
  ConvolutionTraining::MapGradient unfold() {
    const ChannelMap map = statistics_.map();
    const int64_t channels = folded_.out_channels;
    ConvolutionTraining::MapGradient out{std::vector<double>(static_cast<size_t>(channels)), {}};
    const Tensor<float>& gradient = folded_.weight->grad;
    for (int64_t i = 0; i < gradient.elements(); ++i) {
      weight_.grad[i] += gradient[i] * map.scale[i % channels];
      out.scale[i % channels] += static_cast<double>(gradient[i]) * weight_.read()[i];
    }
    const auto shift = folded_.bias->grad.values();
    out.shift.assign(shift.begin(), shift.end());
    return out;
  }

  Folding folding_;
  WeightTransform* transform_;
  Network folded_net_;  // of the unit alone, without its norm
  Parameter<float>& weight_;
  Linear<float>& folded_;
  ConvolutionTraining statistics_, convolution_;
};

std::unique_ptr<FoldingStep> make_folded_convolution(Network& network,
                                                     const std::vector<int>& nodes,
                                                     ConvolutionAlgorithm algorithm,
                                                     Folding folding, WeightTransform* transform) {
  const Unit& unit = network.units()[network.nodes()[nodes.front()].unit];
  const bool has_norm = nodes.front() == unit.leader && nodes.size() > 1 && nodes[1] == unit.norm;
  if (!has_norm || network.layer(unit.leader)->convolution() == nullptr) return nullptr;
  return std::make_unique<FoldedConvolutionTraining>(network, nodes, algorithm, folding, transform);
}

const bool registered = (folding_step_makers().push_back(make_folded_convolution), true);

}  // namespace
}  // namespace quantdyn
