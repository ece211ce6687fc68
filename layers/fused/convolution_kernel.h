// What every fast convolution offers: forward and both gradients for one chunk of images.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "framework/base/gemm.h"
#include "framework/graph/channel_map.h"
#include "framework/graph/convolution.h"
#include "layers/fused/image_window.h"

namespace quantdyn {

/// The gradient of a convolution's results, rows [images * P * Q, K] that are made when a kernel
/// asks for them.
struct GradientRows {
  /// Makes rows [first, first + rows), each of which is asked for once, in ascending order. Returns
  /// the first of them. They lie one after another, and rows whose `place` differs by n lie n rows
  /// apart: a place may be used again, if its old row is not needed any more.
  std::function<const float*(int64_t first, int64_t rows, int64_t place)> make;
  const float* made_of[2];  ///< arrays [rows, K] that make() reads; null: none
  int64_t rows_to_come;     ///< of this and later calls
};

/// Computes one convolution in float32. All calls are for consecutive images of one chunk, on the
/// calling thread; `scratch` has scratch_floats(). Arrays are [images,H,W,C], [images,P,Q,K] and
/// weights as in conv2d.
class ConvolutionKernel {
 public:
  /// Output rows [first, first + rows) of [images * P * Q] are complete.
  using RowsDone = std::function<void(int64_t first, int64_t rows)>;

  explicit ConvolutionKernel(const Convolution& convolution) : conv(convolution) {}
  virtual ~ConvolutionKernel() = default;

  /// Floats of an image's gradient or input in work at a time: they fit into L2 with the weights.
  static constexpr int64_t band_floats = 24 * 1024;

  /// Reorders the weights for forward(), or keeps the pointer. One thread calls it when they have
  /// changed.
  virtual void prepare_forward(const float* weight) = 0;
  /// The same after a change of rows [first, first + rows) of the weight, [fan_in, K], alone;
  /// workers may call it for rows of their own. False if it takes prepare_forward().
  virtual bool prepare_forward_rows(const float* weight, int64_t first, int64_t rows) {
    static_cast<void>(weight), static_cast<void>(first), static_cast<void>(rows);
    return false;
  }
  /// y = convolution of x, then `map` if there is one.
  virtual void forward(ImageSource x, int64_t images, float* y, const ChannelMap* map,
                       float* scratch, const RowsDone& done) const = 0;
  /// The same for backward_data().
  virtual void prepare_backward(const float* weight) = 0;
  /// dx (+)= gradient with respect to the input.
  virtual void backward_data(const float* dy, int64_t images, float* dx, Accumulate accumulate,
                             float* scratch) const = 0;
  /// dweight += gradient with respect to the weights.
  virtual void backward_weights(ImageSource x, const float* dy, int64_t images, float* dweight,
                                float* scratch) const = 0;
  /// Both; `dx` may be null. The same bits, with the memory of the next rows fetched meanwhile.
  virtual void backward(ImageSource x, const GradientRows& dy, int64_t images, float* dweight,
                        float* dx, Accumulate accumulate, float* scratch) const {
    const float* const rows = dy.make(0, images * conv.out_h * conv.out_w, 0);
    backward_weights(x, rows, images, dweight, scratch);
    if (dx) backward_data(rows, images, dx, accumulate, scratch);
  }
  /// Rows of the weight gradient [rows, K] that can be computed one by one at no extra cost; 0:
  /// they cannot, do not call backward_weight_rows().
  virtual int64_t separable_weight_rows() const { return 0; }
  /// drows [rows, K] += rows [first, first + rows) of the weight gradient; any number of images.
  virtual void backward_weight_rows(ImageSource x, const float* dy, int64_t images, int64_t first,
                                    int64_t rows, float* drows, float* scratch) const {
    static_cast<void>(x), static_cast<void>(dy), static_cast<void>(images),
        static_cast<void>(first);
    static_cast<void>(rows), static_cast<void>(drows), static_cast<void>(scratch);
  }
  /// Whether backward_weights() of some images gives the same bits as that of each after the other.
  virtual bool sums_by_image() const { return false; }
  virtual int64_t scratch_floats() const = 0;
  /// Multiply-accumulates that forward() computes, as a share of conv.multiply_accumulates().
  virtual double computed_share() const { return 1; }
  /// Whether images may have a transform.
  virtual bool takes_transforms() const { return false; }

  const Convolution conv;
};

/// Sums of products over the window, read in place; input gradients by flipped convolutions, one
/// per phase of the stride.
std::unique_ptr<ConvolutionKernel> make_direct_convolution(const Convolution& convolution);
/// One filter per channel, vectorized over channels.
std::unique_ptr<ConvolutionKernel> make_depthwise_convolution(const Convolution& convolution);

/// Winograd F(4x4, 3x3): a quarter of the products. Its rounding error is larger
/// (tests allow 1e-4 of the largest value, 5e-6 for the direct one): fine in training, but it moves
/// ties of an 8-bit quantizer. For 3 x 3 kernels of stride 1 in one group.
bool takes_winograd(const Convolution& convolution);
std::unique_ptr<ConvolutionKernel> make_winograd_convolution(const Convolution& convolution);

}  // namespace quantdyn
