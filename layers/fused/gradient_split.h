// How a convolution's training is cut into pieces of work, and which scratch each piece uses.
#pragma once

#include <algorithm>

#include "framework/base/step_sums.h"
#include "framework/base/threads.h"
#include "layers/fused/convolution_kernel.h"
#include "layers/fused/part_sums.h"

namespace quantdyn {

/// Depends on the convolution's shape and the images of the batch, never on the number of threads
/// or ranks.
///
/// Scratch: first what the workers share (parts of a weight gradient, or sums over the batch), then
/// for each worker the gradient dz of some images and the kernel's scratch.
class GradientSplit {
 public:
  /// `makes_dz`: with a norm, dz is computed for some images at a time; else it is dy.
  GradientSplit(const ConvolutionKernel& kernel, bool makes_dz) {
    const Convolution& conv = kernel.conv;
    const int64_t outputs = conv.out_h * conv.out_w * conv.out_c;
    channels_ = conv.out_c;
    weights_ = conv.fan_in() * conv.out_c;
    by_rows = kernel.separable_weight_rows() >= images_per_chunk * conv.out_h * conv.out_w;
    outweighs_ = weights_ > images_per_chunk * outputs;
    images_at_once_ = std::clamp<int64_t>(cached_floats / outputs, 1, images_per_chunk);
    const int64_t largest = outweighs_ ? images_per_share : images_at_once_;
    dz_floats = makes_dz && !by_rows ? padded(largest * outputs) : 0;
    kernel_floats_ = padded(kernel.scratch_floats());
  }

  /// Rows of the weights that one worker sums: whole vectors of a map, almost whole tiles of a
  /// product.
  static constexpr int64_t rows_a_worker = 32;

  bool by_rows;       ///< split rows of the weights, over all images: for many weights
  int64_t dz_floats;  ///< floats of dz, at the start of a worker's scratch

  /// If not by rows: images whose gradients are summed one after another. Four chunks if there are
  /// more weights than outputs of a chunk, and more images than that; else one chunk.
  int64_t images_a_part(int64_t images) const {
    return outweighs_ && images_of_step(images) > images_per_share ? images_per_share
                                                                   : images_per_chunk;
  }
  /// How many of these images are worked on at once; their dz stays in the cache.
  int64_t images_at_once(int64_t images) const {
    return outweighs_ ? images_a_part(images) : images_at_once_;
  }
  int64_t parts(int64_t images) const {
    return (images + images_a_part(images) - 1) / images_a_part(images);
  }
  int64_t scratch_floats(int64_t images) const {
    return shared_floats(images) + worker_count() * own_floats(images);
  }
  /// dz and the kernel's scratch; if by rows, the kernel's scratch and then held_rows().
  float* own(float* scratch, int64_t images, int worker) const {
    return scratch + shared_floats(images) + worker * own_floats(images);
  }
  /// Where a worker that sums by rows holds parts of its rows' gradients.
  float* held_rows(float* own) const { return own + kernel_floats_; }

 private:
  static constexpr int64_t cached_floats = 64 * 1024;

  static int64_t padded(int64_t floats) { return (floats + 15) / 16 * 16; }
  int64_t shared_floats(int64_t images) const {
    const int64_t sums = chunk_count(images) * 2 * channels_ * 2;  // two doubles per channel
    const int64_t most_parts = std::max(parts(images), parts(std::min(images, images_per_share)));
    return padded(std::max(sums, by_rows ? 0 : most_parts * weights_));
  }

  int64_t own_floats(int64_t images) const {
    const int64_t held = by_rows ? parts_held(share_count(images)) * rows_a_worker * channels_ : 0;
    return dz_floats + kernel_floats_ + padded(held);
  }

  int64_t channels_, weights_, kernel_floats_, images_at_once_;
  bool outweighs_;
};

}  // namespace quantdyn
