// The training of a convolution's chain: forward with the batch's statistics, backward to the
// weights, the norm and the input.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "layers/fused/convolution_chain.h"
#include "layers/fused/gradient_split.h"

namespace quantdyn {

class ConvolutionTraining final : public TrainingStep, public MapReader, public GradientWatcher {
 public:
  /// `nodes`: see ConvolutionChain.
  ConvolutionTraining(Network& network, std::vector<int> nodes, ConvolutionAlgorithm algorithm);

  void forward(std::span<const View<const float>> x, View<float> y, View<float> saved,
               float* scratch) override;
  void backward(std::span<const View<const float>> x, View<const float> y, View<float> saved,
                View<float> dy, std::span<const InputGradient> dx, float* scratch) override;
  int64_t saved_floats() const override { return norm_ ? outputs() : 0; }
  int64_t scratch_floats(int64_t images) const override { return split_.scratch_floats(images); }

  std::optional<ChannelMap> deferred() const override {
    return norm_ ? std::optional(map()) : std::nullopt;
  }
  double computed_share() const override { return chain_.kernel->computed_share(); }
  MapReader* map_reader() override { return this; }
  void read_through(const ChannelMap& map) override { input_map_ = map; }
  bool takes_transforms() const override { return chain_.kernel->takes_transforms(); }
  void read_transformed(const Transform& transform) override {
    input_transform_ = &transform;
    input_copying_ = dynamic_cast<const CopyingTransform*>(&transform);
  }
  /// Without a norm.
  bool show_result(InputWatcher& watcher) override {
    if (norm_ == nullptr) result_watcher_ = &watcher;
    return norm_ == nullptr;
  }
  GradientWatcher* gradient_watcher() override { return this; }
  void expect_gradients(int64_t images) override;
  /// With a norm: takes the sums of its gradient from z. Without: turns dy into the gradient before
  /// the activation, from the result y.
  void watch_gradient(View<const float> saved, View<float> dy, int64_t first,
                      int64_t images) override;

  /// The map of each channel after the convolution, as of the last forward() or
  /// take_running_statistics().
  ChannelMap map() const { return scale_.map(chain_.activation); }
  /// Gradients of a loss with respect to map()'s scale and shift, by channel.
  struct MapGradient {
    std::vector<double> scale, shift;
  };
  /// After forward(), if the loss depends on the batch through the map's statistics: adds to the
  /// gradients of gamma, beta and the weight, and to dx. Overwrites `free`, which is as large as z.
  void backward_of_map(View<const float> x, View<float> z, View<float> free,
                       const MapGradient& gradient, const InputGradient& dx, float* scratch);

  /// The same in parts, for steps that do not keep z. Sets map() from the batch, whose z is seen by
  /// no one.
  void take_statistics(View<const float> x, float* scratch);
  /// Sets map() from the moments of z over n values by channel, [channels] each.
  void take_moments(std::span<const double> mean, std::span<const double> variance, int64_t n);
  /// Adds to the gradients of gamma and beta. From now on dz = of_z() z + constant(), by channel.
  void take_map_gradient(const MapGradient& gradient, int64_t values);
  const std::vector<float>& of_z() const { return of_z_; }
  const std::vector<float>& constant() const { return constant_; }
  /// Floats of scratch that backward_of_computed() needs.
  int64_t computing_floats(int64_t images) const {
    return scratch_floats(images) + worker_count() * loaded_floats(images);
  }
  /// Computes z again and adds to the gradients of weight and input what dz gives, after
  /// `before(first, images, scratch)` has written or added to that of the images' input.
  using BeforeImages = std::function<void(int64_t first, int64_t images, float* scratch)>;
  void backward_of_computed(View<const float> x, const InputGradient& dx,
                            const BeforeImages& before, float* scratch);
  ImageSource input(View<const float> x, int64_t first) const {
    return {x.slice(first, 1).data, input_map_ ? &*input_map_ : nullptr, input_transform_,
            input_copying_};
  }
  const ConvolutionKernel& kernel() const { return *chain_.kernel; }
  void prepare_backward() { chain_.kernel->prepare_backward(linear_.weight->read()); }
  const GradientSplit& split() const { return split_; }
  /// Sets map() from the running statistics, without a batch.
  void take_running_statistics() { scale_.take_parameters(chain_); }
  /// After take_running_statistics(): adds to the gradients of gamma, beta and the bias.
  void backward_of_running_map(const MapGradient& gradient);

 private:
  /// Of the images that are worked on at once.
  int64_t loaded_floats(int64_t images) const {
    const Convolution& conv = chain_.kernel->conv;
    return (split_.images_at_once(images) * conv.in_h * conv.in_w * conv.in_c + 15) / 16 * 16;
  }
  int64_t outputs() const {
    return chain_.kernel->conv.out_h * chain_.kernel->conv.out_w * channels_;
  }

  void forward_without_norm(View<const float> x, View<float> y, float* scratch);
  const double* convolve_and_sum(View<const float> x, View<float> z, float* scratch);
  void take_batch_statistics(const double* sums, int64_t n);
  void backward_through_norm(View<const float> z, View<const float> dy, float* scratch);
  void add_gradient_sums(View<const float> z, View<const float> dy, int64_t first, int64_t images,
                         double* to) const;
  void backward_through_activation(View<const float> y, View<float> dy, float* scratch);
  void mask_images(View<const float> y, View<float> dy, int64_t first, int64_t images,
                   double* to) const;
  void backward_through_convolution(View<const float> x, View<const float> z, View<float> dy,
                                    const InputGradient& dx, float* scratch);
  GradientRows gradient_rows(View<const float> z, View<const float> dy, int64_t first,
                             float* to) const;
  const float* gradient_of_z(View<const float> z, View<const float> dy, int64_t first,
                             int64_t images, float* to) const;
  void backward_by_parts(View<const float> x, View<const float> z, View<const float> dy,
                         const InputGradient& dx, float* scratch);
  void add_weight_gradient(float* parts, int64_t images);
  void backward_by_rows(View<const float> x, View<const float> z, View<float> dy,
                        const InputGradient& dx, float* scratch);

  const ConvolutionChain chain_;
  Linear<float>& linear_;       // of the chain, not const: they are trained
  ChannelAffine<float>* norm_;  // the same
  const int64_t channels_;
  ChainScale scale_;
  std::optional<ChannelMap> input_map_;  // empty: x is read as it is
  const Transform* input_transform_ = nullptr;
  const CopyingTransform* input_copying_ = nullptr;
  InputWatcher* result_watcher_ = nullptr;
  // dz = of_gradient g + of_z z + constant, g the gradient after the activation.
  std::vector<float> of_gradient_, of_z_, constant_;
  std::vector<double> watched_sums_;  // by chunk [2, channels]; empty: no step shows the gradient
  const GradientSplit split_;
};

}  // namespace quantdyn
