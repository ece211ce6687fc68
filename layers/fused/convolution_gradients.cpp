// The backward half of ConvolutionTraining.
#include <algorithm>

#include "framework/base/step_sums.h"
#include "framework/base/threads.h"
#include "layers/fused/convolution_training.h"
#include "layers/fused/part_sums.h"
#include "layers/fused/rows.h"

namespace quantdyn {

void ConvolutionTraining::backward(std::span<const View<const float>> x, View<const float> y,
                                   View<float> saved, View<float> dy,
                                   std::span<const InputGradient> dx, float* scratch) {
  if (norm_)
    backward_through_norm(saved, dy, scratch);
  else
    backward_through_activation(y, dy, scratch);
  backward_through_convolution(x[0], saved, dy, dx[0], scratch);
}

/// Finds the coefficients of dz = scale g + of_z z + constant, g the gradient after the
/// activation: dz = scale (g - mean g - (z - mean) inverse^2 mean(g (z - mean))).
void ConvolutionTraining::backward_through_norm(View<const float> z, View<const float> dy,
                                                float* scratch) {
  const double* sums = watched_sums_.data();
  if (watched_sums_.empty())
    sums = sum_by_chunks(dy.shape[0], channels_, scratch, [&](const Chunk& chunk, double* to) {
      add_gradient_sums(z, dy, chunk.first, chunk.images, to);
    });
  else
    add_chunks(watched_sums_.data(), dy.shape[0], 2 * channels_);
  of_gradient_ = scale_.scale;
  const auto n = static_cast<double>(images_of_batch(dy.shape[0]) * dy.shape.of_one().rows());
  std::vector<double> of_gamma(static_cast<size_t>(channels_));
  for (int64_t k = 0; k < channels_; ++k) {
    const double inverse = scale_.inverse_deviation[k], product = sums[channels_ + k];
    of_gamma[k] = product * inverse;
    const double of_z = -scale_.scale[k] * inverse * inverse * product / n;
    of_z_[k] = static_cast<float>(of_z);
    constant_[k] = static_cast<float>(-scale_.scale[k] * sums[k] / n - of_z * scale_.mean[k]);
  }
  add_gradient(norm_->beta->grad, {sums, of_gamma.size()});
  add_gradient(norm_->gamma->grad, of_gamma);
}

void ConvolutionTraining::backward_through_activation(View<const float> y, View<float> dy,
                                                      float* scratch) {
  const double* sums = watched_sums_.data();
  if (watched_sums_.empty())
    sums = sum_by_chunks(dy.shape[0], channels_, scratch, [&](const Chunk& chunk, double* to) {
      mask_images(y, dy, chunk.first, chunk.images, to);
    });
  else
    add_chunks(watched_sums_.data(), dy.shape[0], 2 * channels_);
  add_gradient(linear_.bias->grad, {sums, static_cast<size_t>(channels_)});
}

/// Adds sum dy to [channels].
void ConvolutionTraining::mask_images(View<const float> y, View<float> dy, int64_t first,
                                      int64_t images, double* to) const {
  mask_by_output(y.slice(first, images).data, dy.slice(first, images).data,
                 dy.shape.of_one().rows() * images, channels_, chain_.activation, to);
}

void ConvolutionTraining::backward_through_convolution(View<const float> x, View<const float> z,
                                                       View<float> dy, const InputGradient& dx,
                                                       float* scratch) {
  if (dx.to) chain_.kernel->prepare_backward(linear_.weight->read());
  if (split_.by_rows)
    backward_by_rows(x, z, dy, dx, scratch);
  else
    backward_by_parts(x, z, dy, dx, scratch);
}

void ConvolutionTraining::backward_of_map(View<const float> x, View<float> z, View<float> free,
                                          const MapGradient& gradient, const InputGradient& dx,
                                          float* scratch) {
  take_map_gradient(gradient, free.shape.rows());
  std::ranges::fill(of_gradient_, 0.0f);
  std::ranges::fill(free.values(), 0.0f);
  backward_through_convolution(x, z, free, dx, scratch);
}

void ConvolutionTraining::take_map_gradient(const MapGradient& gradient, int64_t values) {
  const auto n = static_cast<double>(values);
  for (int64_t k = 0; k < channels_; ++k) {
    const double mean = scale_.mean[k], inverse = scale_.inverse_deviation[k];
    const double of_scale = gradient.scale[k] - mean * gradient.shift[k];
    norm_->beta->grad[k] += static_cast<float>(gradient.shift[k]);
    norm_->gamma->grad[k] += static_cast<float>(of_scale * inverse);
    // variance' = -1/2 inverse^3 gamma of_scale, mean' = -scale shift', and both reach every z.
    const double of_variance =
        -0.5 * inverse * inverse * inverse * norm_->gamma->read()[k] * of_scale;
    const double of_z = 2 * of_variance / n;
    of_z_[k] = static_cast<float>(of_z);
    constant_[k] = static_cast<float>(-scale_.scale[k] * gradient.shift[k] / n - of_z * mean);
  }
}

void ConvolutionTraining::backward_of_computed(View<const float> x, const InputGradient& dx,
                                               const BeforeImages& before, float* scratch) {
  const int64_t images = x.shape[0], weights = linear_.weight->master.elements();
  const int64_t a_part = split_.images_a_part(images), at_once = split_.images_at_once(images);
  const ChannelMap to_dz{of_z_.data(), constant_.data(), FusedActivation::none};
  if (dx.to) prepare_backward();
  parallel_for(
      split_.parts(images),
      [&](int64_t index, int worker) {
        float* const part = scratch + index * weights;
        float* const dz = split_.own(scratch, images, worker);
        float* const own = dz + split_.dz_floats;
        float* const loaded = scratch + scratch_floats(images) + worker * loaded_floats(images);
        std::fill_n(part, weights, 0.0f);
        const int64_t end = std::min(images, (index + 1) * a_part);
        for (int64_t i = index * a_part; i < end; i += at_once) {
          const int64_t count = std::min(at_once, end - i), rows = count * outputs() / channels_;
          ImageSource from = input(x, i);
          if (!from.is_as_stored()) {
            const int64_t in_c = chain_.kernel->conv.in_c;
            from.load(0, in_c, count * x.shape.of_one().rows(), in_c, 0, loaded);
            from = {loaded};
          }
          chain_.kernel->forward(from, count, dz, nullptr, own, [](int64_t, int64_t) {});
          apply_map(to_dz, dz, channels_, rows, channels_, dz);
          chain_.kernel->backward_weights(from, dz, count, part, own);
          if (!dx.to) continue;
          before(i, count, own);
          chain_.kernel->backward_data(dz, count, dx.to.slice(i, count).data, Accumulate::yes, own);
          dx.complete(i, count);
        }
      },
      Walk::alternating);
  add_weight_gradient(scratch, images);
}

void ConvolutionTraining::expect_gradients(int64_t images) {
  watched_sums_.resize(static_cast<size_t>(chunk_count(images) * 2 * channels_));
}

void ConvolutionTraining::watch_gradient(View<const float> saved, View<float> dy, int64_t first,
                                         int64_t images) {
  for (int64_t end = first + images; first < end;) {  // by chunk
    const int64_t count = std::min(end - first, images_per_chunk - first % images_per_chunk);
    double* const to = watched_sums_.data() + first / images_per_chunk * 2 * channels_;
    if (first % images_per_chunk == 0) std::fill_n(to, 2 * channels_, 0.0);
    if (norm_)
      add_gradient_sums(saved, dy, first, count, to);
    else
      mask_images(saved, dy, first, count, to);
    first += count;
  }
}

/// Adds sum g and sum g (z - mean) of some images to [2, channels].
void ConvolutionTraining::add_gradient_sums(View<const float> z, View<const float> dy,
                                            int64_t first, int64_t images, double* to) const {
  sum_masked(z.slice(first, images).data, dy.slice(first, images).data,
             images * dy.shape.of_one().rows(), channels_, scale_.scale.data(), scale_.shift.data(),
             scale_.mean.data(), chain_.activation, to, to + channels_);
}

/// dz of some images; without a norm, dy already holds it.
const float* ConvolutionTraining::gradient_of_z(View<const float> z, View<const float> dy,
                                                int64_t first, int64_t images, float* to) const {
  if (norm_ == nullptr) return dy.slice(first, images).data;
  norm_gradient(z.slice(first, images).data, dy.slice(first, images).data, to,
                images * dy.shape.of_one().rows(), channels_, of_gradient_.data(),
                scale_.shift.data(), of_z_.data(), constant_.data(), chain_.activation);
  return to;
}

/// dz of images from `first` on, in `to`; without a norm, dy already holds it.
GradientRows ConvolutionTraining::gradient_rows(View<const float> z, View<const float> dy,
                                                int64_t first, float* to) const {
  const float* const of_result = dy.slice(first, 1).data;
  const int64_t to_come = (dy.shape[0] - first) * dy.shape.of_one().rows();
  if (norm_ == nullptr)
    return {
        [this, of_result](int64_t row, int64_t, int64_t) { return of_result + row * channels_; },
        {of_result, nullptr},
        to_come};
  const float* const before = z.slice(first, 1).data;
  return {[this, of_result, before, to](int64_t row, int64_t rows, int64_t place) {
            norm_gradient(before + row * channels_, of_result + row * channels_,
                          to + place * channels_, rows, channels_, of_gradient_.data(),
                          scale_.shift.data(), of_z_.data(), constant_.data(), chain_.activation);
            return to + place * channels_;
          },
          {of_result, before},
          to_come};
}

/// Weight gradients in parts of a few images; one worker computes a part.
void ConvolutionTraining::backward_by_parts(View<const float> x, View<const float> z,
                                            View<const float> dy, const InputGradient& dx,
                                            float* scratch) {
  const int64_t images = dy.shape[0], weights = linear_.weight->master.elements();
  const int64_t a_part = split_.images_a_part(images), at_once = split_.images_at_once(images);
  parallel_for(
      split_.parts(images),
      [&](int64_t index, int worker) {
        float* const part = scratch + index * weights;
        float* const own = split_.own(scratch, images, worker);
        std::fill_n(part, weights, 0.0f);
        const int64_t end = std::min(images, (index + 1) * a_part);
        for (int64_t i = index * a_part; i < end; i += at_once) {
          const int64_t count = std::min(at_once, end - i);
          chain_.kernel->backward(input(x, i), gradient_rows(z, dy, i, own), count, part,
                                  dx.to ? dx.to.slice(i, count).data : nullptr, dx.accumulate,
                                  own + split_.dz_floats);
          dx.complete(i, count);
        }
      },
      Walk::alternating);
  add_weight_gradient(scratch, images);
}

/// Weight gradients by rows: each worker reads all images, some at a time, and sums some of the
/// rows.
void ConvolutionTraining::backward_by_rows(View<const float> x, View<const float> z, View<float> dy,
                                           const InputGradient& dx, float* scratch) {
  const int64_t images = dy.shape[0];
  parallel_chunks(images, [&](const Chunk& chunk) {
    const float* const dz =
        gradient_of_z(z, dy, chunk.first, chunk.images, dy.slice(chunk.first, chunk.images).data);
    if (dx.to)
      chain_.kernel->backward_data(dz, chunk.images, dx.to.slice(chunk.first, chunk.images).data,
                                   dx.accumulate, split_.own(scratch, images, chunk.worker));
    dx.complete(chunk.first, chunk.images);
  });
  constexpr int64_t block = GradientSplit::rows_a_worker, a_part = images_per_share;
  const int64_t rows = chain_.kernel->separable_weight_rows();
  const auto add = [&](int64_t first_part, int64_t parts, float* total) {
    parallel_for((rows + block - 1) / block, [&](int64_t index, int worker) {
      const int64_t first = index * block, count = std::min(block, rows - first);
      float* const own = split_.own(scratch, images, worker);
      sum_parts(parts, count * channels_, split_.held_rows(own), total + first * channels_,
                [&](int64_t part, float* to) {
                  const int64_t i = (first_part + part) * a_part;
                  const int64_t some = std::min(a_part, images - i);
                  chain_.kernel->backward_weight_rows(input(x, i), dy.slice(i, some).data, some,
                                                      first, count, to, own);
                });
    });
  };
  add_gradient_over_ranks(share_count(images), rows * channels_, a_part,
                          linear_.weight->grad.data(), add);
}

/// Of parts in scratch.
void ConvolutionTraining::add_weight_gradient(float* parts, int64_t images) {
  const int64_t weights = linear_.weight->master.elements();
  add_gradient_over_ranks(split_.parts(images), weights, split_.images_a_part(images),
                          linear_.weight->grad.data(),
                          [&](int64_t first, int64_t count, float* to) {
                            add_parts_to(parts + first * weights, count, weights, to);
                          });
}

}  // namespace quantdyn
