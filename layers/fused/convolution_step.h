// The fused chain conv (+ batch norm) (+ activation), float32.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "framework/run/step.h"
#include "layers/fused/convolution_kernel.h"
#include "layers/fused/gradient_split.h"

namespace quantdyn {

class ConvolutionStep final : public Step {
 public:
  /// `nodes`: the convolution, then maybe its norm, then maybe an activation of this kind.
  ConvolutionStep(std::vector<int> nodes, const Network& network, Activation activation,
                  ConvolutionAlgorithm algorithm);

  void prepare() override;
  void evaluate(std::span<const View<const float>> x, View<float> y, const UnitTaps& taps,
                const EvaluationChunk& chunk) const override;
  int64_t scratch_floats() const override { return kernel_->scratch_floats(); }
  std::optional<TapMap> norm_of_conv() const override;

  void forward(std::span<const View<const float>> x, View<float> y, View<float> saved,
               float* scratch) override;
  void backward(std::span<const View<const float>> x, View<const float> y, View<float> saved,
                View<float> dy, std::span<const InputGradient> dx, float* scratch) override;
  int64_t saved_floats() const override { return norm_ ? outputs() : 0; }
  int64_t training_scratch_floats(int64_t images) const override {
    return split_.scratch_floats(images);
  }

  const ChannelMap* deferred() const override { return norm_ ? &map_ : nullptr; }
  bool can_read_through() const override { return true; }
  void read_through(const ChannelMap* map) override { input_map_ = map; }
  bool can_watch_gradient() const override { return norm_ != nullptr; }
  void expect_gradients(int64_t images) override;
  void watch_gradient(View<const float> z, View<const float> dy, int64_t first,
                      int64_t images) override;

  /// Gradients of a loss with respect to deferred()'s scale and shift, by channel.
  struct MapGradient {
    std::vector<double> scale, shift;
  };
  /// After forward(), where the loss depends on the batch through the map's statistics: adds to
  /// the gradients of gamma, beta and the weight, and to dx. `free` is overwritten, as large as z.
  void backward_of_map(View<const float> x, View<float> z, View<float> free,
                       const MapGradient& gradient, const InputGradient& dx, float* scratch);
  /// Makes deferred() the map of the running statistics, without a batch.
  void take_running_statistics();
  /// Then: adds to the gradients of gamma, beta and the bias.
  void backward_of_running_map(const MapGradient& gradient);

 private:
  ImageSource input(View<const float> x, int64_t first) const {
    return {x.slice(first, 1).data, input_map_};
  }
  int64_t outputs() const { return kernel_->conv.out_h * kernel_->conv.out_w * channels_; }
  double bias_of(int64_t k) const { return linear_.bias->read() ? linear_.bias->read()[k] : 0; }

  void finish_rows(float* y, int64_t first, int64_t rows, int64_t valid, const UnitTaps& taps,
                   const EvaluationChunk& chunk) const;
  const double* convolve_and_sum(View<const float> x, View<float> z, float* scratch);
  void take_batch_statistics(const double* sums, int64_t n);
  void backward_through_norm(View<const float> z, View<const float> dy, float* scratch);
  void add_gradient_sums(View<const float> z, View<const float> dy, int64_t first, int64_t images,
                         double* to) const;
  void backward_through_activation(View<const float> y, View<float> dy, float* scratch);
  void backward_through_convolution(View<const float> x, View<const float> z, View<float> dy,
                                    const InputGradient& dx, float* scratch);
  const float* gradient_of_z(View<const float> z, View<const float> dy, int64_t first,
                             int64_t images, float* to) const;
  void backward_by_parts(View<const float> x, View<const float> z, View<const float> dy,
                         const InputGradient& dx, float* scratch);
  void backward_by_rows(View<const float> x, View<const float> z, View<float> dy,
                        const InputGradient& dx, float* scratch);
  template <typename Work>
  const double* sum_by_chunks(int64_t images, float* scratch, const Work& work) const;

  const Linear<float>& linear_;
  const ChannelAffine<float>* norm_;
  const Activation activation_;
  std::unique_ptr<ConvolutionKernel> kernel_;
  const int64_t channels_;
  std::vector<float> ones_, zeros_ = std::vector<float>(ones_.size(), 0.0f);
  std::vector<float> scale_, shift_;  // of norm or bias
  const ChannelMap map_{scale_.data(), shift_.data(), activation_};
  const ChannelMap norm_map_{scale_.data(), shift_.data(), Activation::none};
  const ChannelMap activation_map_{ones_.data(), zeros_.data(), activation_};
  const ChannelMap* input_map_ = nullptr;  // in training
  std::vector<float> batch_mean_, inverse_deviation_;
  // dz = of_gradient g + of_z z + constant, g the gradient after the activation.
  const float* of_gradient_ = scale_.data();
  std::vector<float> of_z_, constant_;
  std::vector<double> watched_sums_;  // by chunk [2, channels]; empty: nobody shows the gradient
  const GradientSplit split_;
};

/// What a fused chain makes of a node's kind; none for another node.
Activation fused_activation(const Network& network, int node);

}  // namespace quantdyn
