// Batch statistics of a pointwise convolution's result, and their gradient, from the moments of its
// input.
#pragma once

#include <span>
#include <vector>

#include "framework/base/tensor.h"
#include "layers/fused/convolution_kernel.h"

namespace quantdyn {

/// With z = x W over n pixels, the mean of z is mean(x) W and its variance the diagonal of
/// W^T Cov(x) W. If dz = of_z z + constant by channel, then dW = x^T dz and dx = dz W^T need only
/// Cov(x), mean(x) and x (W diag(of_z) W^T): z is never computed.
///
/// Sums by parts of 8 or 32 images and a fixed tree: the same bits for any number of threads.
class InputMoments {
 public:
  /// Whether the convolution is pointwise with stride 1 and, in a batch of 128 images, this takes
  /// fewer products than to compute z and its two gradients: 3/2 n C^2 + 2 C^2 K < 3 n C K.
  static bool take_fewer_products(const Convolution& conv);
  explicit InputMoments(const Convolution& conv);

  int64_t scratch_floats(int64_t images) const;
  /// Takes mean and covariance of x over a batch, and those of x times weight [C,K].
  void take(const ImageSource& x, int64_t images, const float* weight, float* scratch);
  /// Of z, by channel.
  std::span<const double> mean() const { return mean_z_; }
  std::span<const double> variance() const { return variance_z_; }

  /// dweight [C,K] += what dz = of_z z + constant gives, over the batch of take().
  void add_weight_gradient(std::span<const float> of_z, std::span<const float> constant,
                           float* dweight) const;
  /// Prepares backward_data() for this weight and dz.
  void prepare_backward(const float* weight, std::span<const float> of_z,
                        std::span<const float> constant);
  /// dx [images,H,W,C] (+)= dz W^T for some images, on the calling thread; `own` has own_floats().
  void backward_data(const ImageSource& x, int64_t images, float* dx, Accumulate accumulate,
                     float* own) const;
  int64_t own_floats() const { return 2 * rows_at_once * channels_; }

 private:
  static constexpr int64_t rows_at_once = 128;
  int64_t images_a_part(int64_t images) const;
  void add_to_part(const ImageSource& x, int64_t rows, float* squares, double* sums,
                   float* own) const;
  void take_covariance(const float* squares, const double* sums);
  void take_moments_of_z(const float* weight);

  int64_t pixels_, channels_, outputs_;
  double n_ = 0;                             // pixels of the batch
  std::vector<double> mean_x_;               // [C]
  Tensor<float> covariance_;                 // [C,C]
  Tensor<float> covariance_w_;               // Cov(x) W [C,K]
  Tensor<float> packed_;                     // weights in the order of products
  Tensor<float> scaled_;                     // W diag(of_z) [C,K]
  Tensor<float> to_dx_;                      // W diag(of_z) W^T [C,C], packed
  std::vector<float> ones_, shift_, zeros_;  // [C]
  std::vector<double> mean_z_, variance_z_;  // [K]
};

}  // namespace quantdyn
