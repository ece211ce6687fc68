// A convolution whose batch norm is folded into its weights while it trains, float32.
#include <algorithm>
#include <optional>

#include "framework/run/quantized_training.h"
#include "layers/fused/convolution_training.h"
#include "layers/fused/input_moments.h"

namespace quantdyn {
namespace {

/// Where the batch's statistics of z = conv(x, W) come from: each way computes z anew or not at all
/// where that is cheaper than keeping it.
enum class Source { kept_z, computed_z, moments_of_x };

/// From this many products on, an output costs more to compute than to store and load.
constexpr int64_t fewest_products_to_keep = 33;

Source source_of(const ConvolutionKernel& kernel, const GradientSplit& split) {
  if (InputMoments::take_fewer_products(kernel.conv)) return Source::moments_of_x;
  const bool is_cheap = kernel.conv.fan_in() < fewest_products_to_keep && !split.by_rows;
  return is_cheap ? Source::computed_z : Source::kept_z;
}

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
        convolution_(folded_net_, convolution_chain(folded_net_, 1), algorithm),
        source_(source_of(statistics_.kernel(), statistics_.split())) {
    folded_.bias->grad = Tensor<float>(Shape{folded_.out_channels});
    folded_.bias->master = folded_.bias->grad;
    if (transform_) folded_.weight->effective = folded_.weight->master;
    if (source_ == Source::moments_of_x && folding_ == Folding::batch)
      moments_.emplace(statistics_.kernel().conv);
  }

  void freeze() override { folding_ = Folding::running; }

  void forward(std::span<const View<const float>> x, View<float> y, View<float> saved,
               float* scratch) override {
    if (folding_ == Folding::batch)
      take_statistics(x, saved, scratch);
    else
      statistics_.take_running_statistics();
    fold();
    convolution_.forward(x, y, {}, scratch);
  }
  int64_t saved_floats() const override {
    return source_ == Source::kept_z ? statistics_.saved_floats() : 0;
  }
  int64_t scratch_floats(int64_t images) const override {
    return std::max({source_ == Source::computed_z ? statistics_.computing_floats(images)
                                                   : statistics_.scratch_floats(images),
                     convolution_.scratch_floats(images),
                     moments_ ? moments_->scratch_floats(images) : 0});
  }

  void backward(std::span<const View<const float>> x, View<const float> y, View<float> saved,
                View<float> dy, std::span<const InputGradient> dx, float* scratch) override {
    folded_.weight->grad.fill(0);
    folded_.bias->grad.fill(0);
    const bool is_batch = folding_ == Folding::batch;
    InputGradient first = dx[0];
    if (is_batch) first.watcher = first.next = nullptr;  // the gradient is not complete yet
    if (is_batch && source_ != Source::kept_z) first.to = {};
    convolution_.backward(x, y, {}, dy, std::span(&first, 1), scratch);
    if (transform_)
      transform_->backward(folded_.weight->master, folded_.weight->effective, folded_.weight->grad);
    const ConvolutionTraining::MapGradient of_map = unfold();
    if (!is_batch) return statistics_.backward_of_running_map(of_map);
    if (source_ == Source::kept_z) {
      InputGradient rest = dx[0];
      rest.accumulate = Accumulate::yes;
      return statistics_.backward_of_map(x[0], saved, dy, of_map, rest, scratch);
    }
    statistics_.take_map_gradient(of_map, dy.shape.rows());
    if (dx[0].to) convolution_.prepare_backward();
    if (source_ == Source::computed_z)
      backward_of_computed(x[0], dy, dx[0], scratch);
    else
      backward_of_moments(x[0], dy, dx[0], scratch);
  }

  MapReader* map_reader() override { return this; }
  void read_through(const ChannelMap& map) override {
    statistics_.read_through(map);
    convolution_.read_through(map);
  }
  bool takes_transforms() const override { return convolution_.takes_transforms(); }
  void read_transformed(const Transform& transform) override {
    statistics_.read_transformed(transform);
    convolution_.read_transformed(transform);
  }
  bool show_result(InputWatcher& watcher) override { return convolution_.show_result(watcher); }
  GradientWatcher* gradient_watcher() override { return convolution_.gradient_watcher(); }

 private:
  static Network without_norm(const Network& network, int unit) {
    Network out = network.alone(unit);
    out.bypass(2);
    out.finish();
    return out;
  }

  void take_statistics(std::span<const View<const float>> x, View<float> saved, float* scratch) {
    switch (source_) {
      case Source::kept_z:
        return statistics_.forward(x, {}, saved, scratch);
      case Source::computed_z:
        return statistics_.take_statistics(x[0], scratch);
      case Source::moments_of_x:
        break;
    }
    const Convolution& conv = statistics_.kernel().conv;
    moments_->take(statistics_.input(x[0], 0), x[0].shape[0], weight_.read(), scratch);
    statistics_.take_moments(moments_->mean(), moments_->variance(),
                             x[0].shape[0] * conv.out_h * conv.out_w);
  }

  /// Folds weight and bias by the map, then transforms the weight.
  void fold() {
    const ChannelMap map = statistics_.map();
    const int64_t channels = folded_.out_channels;
    parallel_rows([&](int64_t row) {
      const float* const weight = weight_.read() + row * channels;
      float* const folded = folded_.weight->master.data() + row * channels;
      for (int64_t k = 0; k < channels; ++k) folded[k] = weight[k] * map.scale[k];
    });
    std::copy_n(map.shift, channels, folded_.bias->master.data());
    if (transform_) transform_->forward(folded_.weight->master, folded_.weight->effective);
  }

  /// Adds to the weight's gradient and returns the map's.
  ConvolutionTraining::MapGradient unfold() {
    const ChannelMap map = statistics_.map();
    const int64_t channels = folded_.out_channels, rows = rows_of_weight();
    ConvolutionTraining::MapGradient out{std::vector<double>(static_cast<size_t>(channels)), {}};
    constexpr int64_t block = 64;
    parallel_for((channels + block - 1) / block, [&](int64_t index, int) {
      const int64_t first = index * block, end = std::min(channels, first + block);
      double* const of_scale = out.scale.data();
      for (int64_t row = 0; row < rows; ++row) {
        const float* const gradient = folded_.weight->grad.data() + row * channels;
        const float* const weight = weight_.read() + row * channels;
        float* const to = weight_.grad.data() + row * channels;
        for (int64_t k = first; k < end; ++k) {
          to[k] += gradient[k] * map.scale[k];
          of_scale[k] += static_cast<double>(gradient[k]) * weight[k];
        }
      }
    });
    const auto shift = folded_.bias->grad.values();
    out.shift.assign(shift.begin(), shift.end());
    return out;
  }

  void backward_of_computed(View<const float> x, View<const float> dy, const InputGradient& dx,
                            float* scratch) {
    statistics_.backward_of_computed(
        x, dx,
        [&](int64_t first, int64_t images, float* own) {
          convolution_.kernel().backward_data(dy.slice(first, images).data, images,
                                              dx.to.slice(first, images).data, dx.accumulate, own);
        },
        scratch);
  }

  void backward_of_moments(View<const float> x, View<const float> dy, const InputGradient& dx,
                           float* scratch) {
    moments_->add_weight_gradient(statistics_.of_z(), statistics_.constant(), weight_.grad.data());
    if (!dx.to) return;
    moments_->prepare_backward(weight_.read(), statistics_.of_z(), statistics_.constant());
    const int64_t at_once = statistics_.split().images_at_once(x.shape[0]);
    const int64_t own_floats =
        std::max(moments_->own_floats(), convolution_.kernel().scratch_floats());
    parallel_chunks(x.shape[0], [&](const Chunk& chunk) {
      float* const own = scratch + chunk.worker * own_floats;
      for (int64_t done = 0; done < chunk.images; done += at_once) {
        const int64_t i = chunk.first + done, count = std::min(at_once, chunk.images - done);
        float* const to = dx.to.slice(i, count).data;
        moments_->backward_data(statistics_.input(x, i), count, to, dx.accumulate, own);
        convolution_.kernel().backward_data(dy.slice(i, count).data, count, to, Accumulate::yes,
                                            own);
        dx.complete(i, count);
      }
    });
  }

  int64_t rows_of_weight() const {
    return folded_.weight->master.elements() / folded_.out_channels;
  }
  template <typename Work>
  void parallel_rows(const Work& work) const {
    parallel_for(rows_of_weight(), [&](int64_t row, int) { work(row); });
  }

  Folding folding_;
  WeightTransform* transform_;
  Network folded_net_;  // of the unit alone, without its norm
  Parameter<float>& weight_;
  Linear<float>& folded_;
  ConvolutionTraining statistics_, convolution_;
  Source source_;
  std::optional<InputMoments> moments_;  // with Source::moments_of_x
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
