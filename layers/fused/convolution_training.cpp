#include "layers/fused/convolution_training.h"

#include <algorithm>
#include <cmath>

#include "framework/base/threads.h"
#include "layers/fused/part_sums.h"
#include "layers/fused/rows.h"

namespace quantdyn {
namespace {

void move_running(float& running, double batch, double momentum) {
  running = static_cast<float>((1 - momentum) * running + momentum * batch);
}

}  // namespace

ConvolutionTraining::ConvolutionTraining(Network& network, std::vector<int> nodes,
                                         ConvolutionAlgorithm algorithm)
    : TrainingStep(std::move(nodes)),
      chain_(network, this->nodes(), algorithm),
      linear_(*network.layer(this->nodes().front())->linear()),
      norm_(network.layer(this->nodes()[this->nodes().size() > 1 ? 1 : 0])->channel_affine()),
      channels_(chain_.channels()),
      scale_(channels_),
      of_gradient_(channels_),
      of_z_(channels_),
      constant_(channels_),
      split_(*chain_.kernel, norm_ != nullptr) {}

void ConvolutionTraining::forward(std::span<const View<const float>> x, View<float> y,
                                  View<float> saved, float* scratch) {
  if (norm_ == nullptr) return forward_without_norm(x[0], y, scratch);
  const int64_t rows = outputs() / channels_;
  take_batch_statistics(convolve_and_sum(x[0], saved, scratch),
                        images_of_batch(x[0].shape[0]) * rows);
  if (!y) return;  // readers apply map() themselves
  parallel_chunks(y.shape[0], [&](const Chunk& chunk) {
    apply_map(map(), saved.slice(chunk.first, chunk.images).data, channels_, rows * chunk.images,
              channels_, y.slice(chunk.first, chunk.images).data);
  });
}

void ConvolutionTraining::forward_without_norm(View<const float> x, View<float> y, float* scratch) {
  chain_.kernel->prepare_forward(linear_.weight->read());
  scale_.take_parameters(chain_);
  const ChannelMap bias_and_activation = map();
  parallel_chunks(y.shape[0], [&](const Chunk& chunk) {
    float* const to = y.slice(chunk.first, chunk.images).data;
    chain_.kernel->forward(
        input(x, chunk.first), chunk.images, to, &bias_and_activation,
        split_.own(scratch, y.shape[0], chunk.worker), [&](int64_t first, int64_t rows) {
          if (result_watcher_)
            result_watcher_->watch_input({to + first * channels_, rows, channels_, channels_, first,
                                          0, chunk.index, chunk.worker});
        });
  });
}

/// z = conv x and its shifted sums. The bias goes into the norm's shift: a constant moves only the
/// mean.
const double* ConvolutionTraining::convolve_and_sum(View<const float> x, View<float> z,
                                                    float* scratch) {
  std::copy_n(norm_->mean->read(), channels_, scale_.mean.data());
  chain_.kernel->prepare_forward(linear_.weight->read());
  return sum_by_chunks(x.shape[0], channels_, scratch, [&](const Chunk& chunk, double* sums) {
    float* const to = z.slice(chunk.first, chunk.images).data;
    chain_.kernel->forward(input(x, chunk.first), chunk.images, to, nullptr,
                           split_.own(scratch, x.shape[0], chunk.worker),
                           [&](int64_t first, int64_t rows) {
                             add_shifted_sums(to + first * channels_, rows, channels_,
                                              scale_.mean.data(), sums, sums + channels_);
                           });
  });
}

void ConvolutionTraining::take_statistics(View<const float> x, float* scratch) {
  std::copy_n(norm_->mean->read(), channels_, scale_.mean.data());
  chain_.kernel->prepare_forward(linear_.weight->read());
  const int64_t images = x.shape[0], at_once = split_.images_at_once(images);
  const auto sum_chunk = [&](const Chunk& chunk, double* sums) {
    float* const z = split_.own(scratch, images, chunk.worker);
    for (int64_t i = 0; i < chunk.images; i += at_once)
      chain_.kernel->forward(input(x, chunk.first + i), std::min(at_once, chunk.images - i), z,
                             nullptr, z + split_.dz_floats, [&](int64_t first, int64_t rows) {
                               add_shifted_sums(z + first * channels_, rows, channels_,
                                                scale_.mean.data(), sums, sums + channels_);
                             });
  };
  take_batch_statistics(sum_by_chunks(images, channels_, scratch, sum_chunk),
                        images_of_batch(images) * outputs() / channels_);
}

/// Batch mean and variance from sums about the running mean; sets the norm's scale and shift and
/// updates the running statistics (Ioffe and Szegedy 2015, algorithm 1; unbiased running variance).
void ConvolutionTraining::take_batch_statistics(const double* sums, int64_t n) {
  const double count = static_cast<double>(n);
  std::vector<double> mean(static_cast<size_t>(channels_)), variance(mean.size());
  for (int64_t k = 0; k < channels_; ++k) {
    const double offset = sums[k] / count;
    mean[k] = scale_.mean[k] + offset;
    variance[k] = std::max(sums[channels_ + k] / count - offset * offset, 0.0);
  }
  take_moments(mean, variance, n);
}

void ConvolutionTraining::take_moments(std::span<const double> means,
                                       std::span<const double> variances, int64_t n) {
  if (n < 2) throw_error("batch norm in training needs at least 2 values per channel, found {}", n);
  const double count = static_cast<double>(n), momentum = norm_->momentum;
  for (int64_t k = 0; k < channels_; ++k) {
    const double mean = means[k], variance = variances[k];
    const double inverse = 1 / std::sqrt(variance + norm_->epsilon);
    const double scale = norm_->gamma->read()[k] * inverse;
    scale_.mean[k] = static_cast<float>(mean);
    scale_.inverse_deviation[k] = static_cast<float>(inverse);
    scale_.scale[k] = static_cast<float>(scale);
    scale_.shift[k] = static_cast<float>(norm_->beta->read()[k] - scale * mean);
    move_running(norm_->mean->master[k], mean + chain_.bias(k), momentum);
    move_running(norm_->variance->master[k], variance * count / (count - 1), momentum);
  }
}

void ConvolutionTraining::backward_of_running_map(const MapGradient& gradient) {
  for (int64_t k = 0; k < channels_; ++k) {
    const double of_scale = gradient.scale[k] - scale_.mean[k] * gradient.shift[k];
    norm_->beta->grad[k] += static_cast<float>(gradient.shift[k]);
    norm_->gamma->grad[k] += static_cast<float>(of_scale * scale_.inverse_deviation[k]);
    if (!linear_.bias->grad.empty())
      linear_.bias->grad[k] += static_cast<float>(scale_.scale[k] * gradient.shift[k]);
  }
}

std::unique_ptr<TrainingStep> make_convolution_training(Network& network, std::vector<int> nodes,
                                                        ConvolutionAlgorithm algorithm) {
  return std::make_unique<ConvolutionTraining>(network, std::move(nodes), algorithm);
}

}  // namespace quantdyn
