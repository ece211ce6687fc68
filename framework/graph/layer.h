// The contract of a primitive: what every layer of a net can do, and the roles it can have.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "framework/base/deep_pointer.h"
#include "framework/base/rng.h"
#include "framework/base/tensor.h"
#include "framework/config/registry.h"
#include "framework/graph/activation.h"
#include "framework/graph/convolution.h"

namespace quantdyn {

/// Fills a weight before training: He, Glorot, ... (framework/initializers/).
class Initializer {
 public:
  virtual ~Initializer() = default;
  /// fan_in = kh kw in / groups, fan_out = kh kw out / groups.
  virtual void fill(std::span<double> weight, int64_t fan_in, int64_t fan_out,
                    const Rng& rng) const = 0;
};

/// A trained array: its master copy, its gradient, and what the layer reads.
template <typename T>
struct Parameter {
  std::string name;  ///< "weight", "bias", "gamma", "beta"
  Tensor<T> master;
  Tensor<T> grad;       ///< gradients accumulate here
  Tensor<T> effective;  ///< if not empty, read instead of `master`: the quantized weight
  bool trained =
      true;  ///< false: a running statistic: saved with the net, never given to an optimizer
  bool decays = true;  ///< false: an optimizer's weight decay leaves it alone

  const T* read() const { return effective.empty() ? master.data() : effective.data(); }
};

/// Role of conv2d and dense: y = weight x + bias.
template <typename T>
struct Linear {
  DeepPointer<Parameter<T>*> weight;  ///< output channels innermost; depthwise [kh,kw,C]
  DeepPointer<Parameter<T>*> bias;    ///< [K]; its master is empty if the layer has none
  int64_t out_channels, groups, in_channels;
  int64_t fan_in;  ///< kh kw in / groups
};

/// Role of batch norm: y = gamma (x - mean) / sqrt(variance + epsilon) + beta, by channel.
template <typename T>
struct ChannelAffine {
  DeepPointer<Parameter<T>*> gamma, beta, mean, variance;  ///< [C]; mean and variance: running
  double epsilon;
  double momentum;  ///< running = (1 - momentum) running + momentum batch; variance unbiased
};

/// Role of a clip: y = min(max(x, low), high), with ends by channel. Its activation() tells what
/// holds for all channels, and is a clip only if they have the same ends.
template <typename T>
struct ChannelEnds {
  DeepPointer<Parameter<T>*> low, high;  ///< [C]; may be infinite
};

/// Which properties of each channel a layer with one input preserves. The channels of y are those
/// of x; after a flatten they are those of the image. False promises nothing.
struct ChannelPassing {
  bool scale = false;   ///< input s x gives output s y, for s > 0
  bool shift = false;   ///< input x + c gives output y + c
  bool mean = false;    ///< y has the mean of x, if windows cover all pixels equally often
  bool values = false;  ///< every value of y is a value of x
  bool order = false;   ///< y is x in another shape
};

/// A primitive on batches, [N,...] in and out; T is float in runs, double in gradient checks.
template <typename T>
class Layer {
 public:
  Layer() = default;
  virtual ~Layer() = default;
  Layer(const Layer&) = delete;  // roles point into their layer
  Layer& operator=(const Layer&) = delete;

  /// Checks the inputs' shapes (of one image), allocates parameters and returns the output's shape.
  /// Called once, before anything else. Throws Error that says what was expected.
  virtual Shape setup(std::span<const Shape> inputs) = 0;
  /// Fills the parameters; `weights` is the net's initializer, used unless the node has its own.
  virtual void initialize(const Initializer& weights, const Rng& rng);

  /// Evaluation: y from x. Thread-safe: workers call it for their own chunks at the same time.
  virtual void evaluate(std::span<const View<const T>> x, View<T> y) const = 0;
  /// Training on a whole batch; may keep what backward needs. Default: evaluate() by chunks.
  virtual void forward(std::span<const View<const T>> x, View<T> y);
  /// From dy, adds the gradients of the loss to `dx` (skipped if the view is empty) and to the
  /// parameters' grad; x and y are those of forward(). Parallel inside; the same bits for any
  /// thread count.
  virtual void backward(std::span<const View<const T>> x, View<const T> y, View<const T> dy,
                        std::span<const View<T>> dx) = 0;

  virtual std::vector<Parameter<T>*> parameters() { return {}; }
  virtual Linear<T>* linear() { return nullptr; }
  virtual ChannelAffine<T>* channel_affine() { return nullptr; }
  virtual ChannelEnds<T>* channel_ends() { return nullptr; }
  // The same for a const layer: handing out a pointer does not change it.
  std::vector<const Parameter<T>*> parameters() const;
  const Linear<T>* linear() const { return const_cast<Layer*>(this)->linear(); }
  const ChannelAffine<T>* channel_affine() const {
    return const_cast<Layer*>(this)->channel_affine();
  }
  const ChannelEnds<T>* channel_ends() const { return const_cast<Layer*>(this)->channel_ends(); }
  /// The geometry of a conv2d; valid after setup().
  virtual const Convolution* convolution() const { return nullptr; }
  /// What a pooling layer does; valid after setup().
  virtual std::optional<Pooling> pooling() const { return {}; }
  /// Set if the layer is an elementwise function of one input, which then joins its input's unit.
  virtual std::optional<Activation> activation() const { return {}; }
  /// What it preserves of each channel; valid after setup().
  virtual ChannelPassing passes() const { return {}; }
  /// Whether y is the sum of the inputs.
  virtual bool is_sum() const { return false; }
  /// Of one image.
  virtual int64_t multiply_accumulates() const { return 0; }
};

template <typename T>
using LayerRegistry = Registry<Layer<T>>;

/// Registers a primitive for runs (float) and for gradient checks (double).
template <template <typename> class Primitive>
struct RegisteredLayer {
  RegisteredLayer(const std::string& name, const std::string& summary)
      : in_float(name, summary,
                 [](const Options& o) { return std::make_unique<Primitive<float>>(o); }),
        in_double(name, summary,
                  [](const Options& o) { return std::make_unique<Primitive<double>>(o); }) {}
  Registered<Layer<float>> in_float;
  Registered<Layer<double>> in_double;
};

/// "relu, relu6, ...": the registered layers that are activations and need no options.
std::string activation_names();

extern template class Layer<float>;
extern template class Layer<double>;

}  // namespace quantdyn
