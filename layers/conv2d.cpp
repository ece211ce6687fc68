// The readable convolution: every product in a plain loop, output channels innermost.
#include <algorithm>

#include "framework/base/step_sums.h"
#include "layers/checks.h"
#include "layers/chunk_sums.h"
#include "layers/linear_parameters.h"
#include "layers/window.h"

namespace quantdyn {
namespace {

// x, y, dx, dy: one pixel's channels; w, dw: one tap of the kernel, [in/groups, out].

/// y += x w.
template <typename T>
void multiply(const Convolution& g, const T* x, const T* w, T* y) {
  if (g.is_depthwise()) {
    for (int64_t c = 0; c < g.out_c; ++c) y[c] += x[c] * w[c];
    return;
  }
  const int64_t ins = g.in_c / g.groups, outs = g.out_c / g.groups;
  for (int64_t group = 0; group < g.groups; ++group, x += ins, w += outs, y += outs)
    for (int64_t c = 0; c < ins; ++c) {
      const T* row = w + c * g.out_c;
      for (int64_t k = 0; k < outs; ++k) y[k] += x[c] * row[k];
    }
}

/// dx += w dy.
template <typename T>
void multiply_back(const Convolution& g, const T* dy, const T* w, T* dx) {
  if (g.is_depthwise()) {
    for (int64_t c = 0; c < g.out_c; ++c) dx[c] += dy[c] * w[c];
    return;
  }
  const int64_t ins = g.in_c / g.groups, outs = g.out_c / g.groups;
  for (int64_t group = 0; group < g.groups; ++group, dx += ins, w += outs, dy += outs)
    for (int64_t c = 0; c < ins; ++c) {
      const T* row = w + c * g.out_c;
      T sum{};
#pragma omp simd reduction(+ : sum)
      for (int64_t k = 0; k < outs; ++k) sum += dy[k] * row[k];
      dx[c] += sum;
    }
}

/// dw += x dy.
template <typename T>
void outer(const Convolution& g, const T* x, const T* dy, T* dw) {
  if (g.is_depthwise()) {
    for (int64_t c = 0; c < g.out_c; ++c) dw[c] += x[c] * dy[c];
    return;
  }
  const int64_t ins = g.in_c / g.groups, outs = g.out_c / g.groups;
  for (int64_t group = 0; group < g.groups; ++group, x += ins, dw += outs, dy += outs)
    for (int64_t c = 0; c < ins; ++c) {
      T* row = dw + c * g.out_c;
      for (int64_t k = 0; k < outs; ++k) row[k] += x[c] * dy[k];
    }
}

/// y [N,P,Q,K] = x [N,H,W,C] * weight [kh,kw,C/groups,K] (depthwise [kh,kw,C]) + bias [K].
template <typename T>
class Conv2d final : public Layer<T> {
 public:
  explicit Conv2d(const Options& options)
      : channels_(options.integer("channels", Options::required,
                                  accept::between<int64_t>(1, 1 << 20), "output channels")),
        groups_(options.integer("groups", 1, accept::between<int64_t>(1, 1 << 20),
                                "number of groups of channels; a group's outputs read only its own "
                                "inputs")),
        window_(options, Options::required, {{1}}, "same"),
        parameters_(options) {
    options.finish();
    window_.check(options);
    parameters_.make_initializer();
  }

  Shape setup(std::span<const Shape> inputs) override {
    const Shape& input = only_image(inputs, "conv2d");
    if (input[2] % groups_ != 0 || channels_ % groups_ != 0)
      throw_error(
          "conv2d: {} groups do not divide {} input channels (of {}) and {} output channels; "
          "accepted: a divisor of both",
          groups_, input[2], input.text(), channels_);
    g_ = window_.over(input, "conv2d");
    g_.out_c = channels_;
    g_.groups = groups_;
    const Shape weight = g_.is_depthwise()
                             ? Shape{g_.kernel_h, g_.kernel_w, g_.out_c}
                             : Shape{g_.kernel_h, g_.kernel_w, g_.in_c / g_.groups, g_.out_c};
    parameters_.allocate(weight, g_.in_c, g_.groups, g_.fan_in());
    return {g_.out_h, g_.out_w, g_.out_c};
  }

  void initialize(const Initializer& weights, const Rng& rng) override {
    parameters_.initialize(weights, rng);
  }

  void evaluate(std::span<const View<const T>> x, View<T> y) const override {
    for (int64_t image = 0; image < y.shape[0]; ++image)
      for (int64_t pixel = 0; pixel < pixels_out(); ++pixel)
        parameters_.start_with_bias(y.data + (image * pixels_out() + pixel) * g_.out_c);
    visit_products(0, y.shape[0], [&](int64_t in, int64_t tap, int64_t out) {
      multiply(g_, x[0].data + in, parameters_.weight.read() + tap, y.data + out);
    });
  }

  void backward(std::span<const View<const T>> x, View<const T>, View<const T> dy,
                std::span<const View<T>> dx) override {
    if (dx[0])
      parallel_chunks(dy.shape[0], [&](const Chunk& chunk) {
        visit_products(chunk.first, chunk.images, [&](int64_t in, int64_t tap, int64_t out) {
          multiply_back(g_, dy.data + out, parameters_.weight.read() + tap, dx[0].data + in);
        });
      });
    add_weight_gradient(x[0], dy);
    if (!parameters_.bias.master.empty()) add_bias_gradient(dy);
  }

  std::vector<Parameter<T>*> parameters() override { return parameters_.list(); }
  Linear<T>* linear() override { return &parameters_.role; }
  const Convolution* convolution() const override { return &g_; }
  int64_t multiply_accumulates() const override { return g_.multiply_accumulates(); }

 private:
  int64_t pixels_in() const { return g_.in_h * g_.in_w; }
  int64_t pixels_out() const { return g_.out_h * g_.out_w; }

  /// Calls visit with the offsets of an input pixel, of a tap of the kernel and of the output pixel
  /// that their product is added to.
  template <typename Visit>
  void visit_products(int64_t first, int64_t images, const Visit& visit) const {
    const int64_t tap_size = g_.in_c / g_.groups * g_.out_c;
    for (int64_t image = first; image < first + images; ++image)
      for (int64_t row = 0; row < g_.out_h; ++row)
        for (int64_t column = 0; column < g_.out_w; ++column) {
          const int64_t out = (image * pixels_out() + row * g_.out_w + column) * g_.out_c;
          visit_window(g_, row, column, [&](int64_t tap, int64_t pixel) {
            visit((image * pixels_in() + pixel) * g_.in_c, tap * tap_size, out);
          });
        }
  }

  /// Sums in T over one image, in double over images.
  void add_weight_gradient(View<const T> x, View<const T> dy) {
    const int64_t size = parameters_.weight.grad.elements();
    const auto work = [&](const Chunk& chunk, std::span<double> sums) {
      std::vector<T> of_image(sums.size());
      for (int64_t image = chunk.first; image < chunk.first + chunk.images; ++image) {
        std::ranges::fill(of_image, T{});
        visit_products(image, 1, [&](int64_t in, int64_t tap, int64_t out) {
          outer(g_, x.data + in, dy.data + out, of_image.data() + tap);
        });
        for (size_t i = 0; i < sums.size(); ++i) sums[i] += static_cast<double>(of_image[i]);
      }
    };
    add_gradient(parameters_.weight.grad, chunk_sums(dy.shape[0], size, work));
  }

  void add_bias_gradient(View<const T> dy) {
    const auto work = [&](const Chunk& chunk, std::span<double> sums) {
      const T* pixel = dy.data + chunk.first * pixels_out() * g_.out_c;
      for (int64_t i = 0; i < chunk.images * pixels_out(); ++i, pixel += g_.out_c)
        for (int64_t k = 0; k < g_.out_c; ++k) sums[k] += static_cast<double>(pixel[k]);
    };
    add_gradient(parameters_.bias.grad, chunk_sums(dy.shape[0], g_.out_c, work));
  }

  int64_t channels_, groups_;
  Window window_;
  LinearParameters<T> parameters_;
  Convolution g_;
};

const RegisteredLayer<Conv2d> conv2d{
    "conv2d", "convolution, regular, grouped, pointwise or depthwise (groups = channels)"};

}  // namespace
}  // namespace quantdyn
