// Fits a convolution's weight, with its bias and activation: outputs, their error and the weight's
// gradient from one visit of each image.
#include <algorithm>
#include <atomic>
#include <numeric>

#include "framework/base/arena.h"
#include "framework/run/weight_fit.h"
#include "layers/fused/convolution_chain.h"
#include "layers/fused/gradient_split.h"
#include "layers/fused/part_sums.h"
#include "layers/fused/residuals.h"

namespace quantdyn {
namespace {

int64_t padded(int64_t floats) { return (floats + 15) / 16 * 16; }

/// Cuts the work as ConvolutionTraining does, so that gradients have its bits.
class ConvolutionFit final : public WeightFit {
 public:
  ConvolutionFit(Network& layer, const std::vector<int>& nodes, const FitImages& images,
                 int64_t batch)
      : images_(images),
        chain_(layer, nodes, ConvolutionAlgorithm::automatic),
        kernel_(*chain_.kernel),
        weight_(*layer.layer(nodes.front())->linear()->weight),
        scale_(chain_.channels()),
        split_(kernel_, false),
        channels_(chain_.channels()),
        rows_(weight_.master.elements() / channels_),
        x_floats_(images.x.shape.of_one().elements()),
        y_floats_(images.wanted.shape.of_one().elements()),
        gathers_(split_.by_rows || !kernel_.sums_by_image()),
        together_(split_.by_rows ? images_per_chunk
                  : gathers_     ? split_.images_at_once(batch)
                                 : 1),
        shared_floats_(padded(split_.by_rows ? batch * (x_floats_ + y_floats_)
                                             : most_parts(batch) * weight_.master.elements())),
        own_x_floats_(split_.by_rows || !gathers_ ? 0 : padded(together_ * x_floats_)),
        own_y_floats_(padded(together_ * y_floats_)),
        own_floats_(own_x_floats_ + own_y_floats_ + padded(kernel_.scratch_floats())),
        memory_(shared_floats_ + worker_count() * own_floats_) {}

  double error() override {
    prepare();
    is_prepared_ = false;  // the weight may change after it
    const int64_t count = images_.count();
    std::vector<double> sums(static_cast<size_t>(count));
    parallel_for((count + together_ - 1) / together_, [&](int64_t index, int worker) {
      const int64_t first = index * together_, images = std::min(together_, count - first);
      std::vector<double> by_channel(static_cast<size_t>(images * channels_), 0.0);
      const float* const y = own_y(worker);
      compute(images_.x.slice(first, 1).data, images, own_y(worker), worker,
              [&](int64_t image, int64_t at, int64_t rows) {
                add_squared_residuals(y + image * y_floats_ + at, wanted(first + image) + at, rows,
                                      channels_, by_channel.data() + image * channels_);
              });
      for (int64_t i = 0; i < images; ++i) {
        const auto begin = by_channel.begin() + i * channels_;
        sums[first + i] = std::accumulate(begin, begin + channels_, 0.0);
      }
    });
    return std::accumulate(sums.begin(), sums.end(), 0.0) /
           static_cast<double>(images_.wanted.elements());
  }

  void step(std::span<const int64_t> images, const RowsWork& update) override {
    if (!is_prepared_) prepare();
    is_prepared_ = true;
    if (split_.by_rows)
      step_by_rows(images, update);
    else
      step_by_parts(images, update);
  }

 private:
  /// Of any batch of up to `batch` images: larger ones may have fewer, larger parts.
  int64_t most_parts(int64_t batch) const {
    return std::max(split_.parts(batch), split_.parts(std::min(batch, 4 * images_per_chunk)));
  }
  void prepare() {
    kernel_.prepare_forward(weight_.read());
    scale_.take_parameters(chain_);
  }
  float* own_x(int worker) { return memory_.data() + shared_floats_ + worker * own_floats_; }
  float* own_y(int worker) { return own_x(worker) + own_x_floats_; }
  float* kernel_scratch(int worker) { return own_y(worker) + own_y_floats_; }
  const float* x_of(int64_t image) const { return images_.x.slice(image, 1).data; }
  const float* wanted(int64_t image) const { return images_.wanted.slice(image, 1).data; }

  void move_rows(int64_t first, int64_t rows, const float* gradient, const RowsWork& update) {
    update(first, rows, gradient);
    if (!kernel_.prepare_forward_rows(weight_.read(), first, rows)) is_prepared_ = false;
  }

  /// y of `images` images x that lie one after another. Calls done(image, at, rows) for `rows` rows
  /// of one of them, from its float `at` on, while they are in the cache.
  template <typename Done>
  void compute(const float* x, int64_t images, float* y, int worker, const Done& done) {
    const ChannelMap map = scale_.map(chain_.activation);
    const int64_t pixels = y_floats_ / channels_;
    kernel_.forward({x}, images, y, &map, kernel_scratch(worker), [&](int64_t first, int64_t rows) {
      for (const int64_t end = first + rows; first < end;) {
        const int64_t image = first / pixels, at = first % pixels;
        const int64_t count = std::min(end - first, pixels - at);
        done(image, at * channels_, count);
        first += count;
      }
    });
  }

  /// dy of some images of a batch of `batch`, from their x.
  void take_gradients(std::span<const int64_t> images, const float* x, int64_t batch, float* dy,
                      int worker) {
    const int64_t pixels = batch * y_floats_ / channels_;
    const float factor = 2.0f / static_cast<float>(pixels);
    compute(x, static_cast<int64_t>(images.size()), dy, worker,
            [&](int64_t image, int64_t at, int64_t rows) {
              residual_gradient(dy + image * y_floats_ + at, wanted(images[image]) + at, rows,
                                channels_, factor, chain_.activation);
            });
  }
  /// Copies these images to `to`, one after another.
  void gather(std::span<const int64_t> images, float* to) const {
    for (const int64_t image : images) to = std::copy_n(x_of(image), x_floats_, to);
  }

  /// Few weights: parts of a few images, each summed by one worker, then added.
  void step_by_parts(std::span<const int64_t> images, const RowsWork& update) {
    const auto count = static_cast<int64_t>(images.size());
    const int64_t weights = rows_ * channels_, a_part = split_.images_a_part(count);
    float* const parts = memory_.data();
    parallel_for(split_.parts(count), [&](int64_t index, int worker) {
      float* const part = parts + index * weights;
      std::fill_n(part, weights, 0.0f);
      const int64_t first = index * a_part;
      sum_part(images.subspan(first, std::min(a_part, count - first)), count, part, worker);
    });
    const int64_t piece = std::max<int64_t>(1, 4096 / channels_);
    parallel_for((rows_ + piece - 1) / piece, [&](int64_t index, int) {
      const int64_t first = index * piece, rows = std::min(piece, rows_ - first);
      float* const at = parts + first * channels_;
      add_parts(at, split_.parts(count), rows * channels_, weights);
      move_rows(first, rows, at, update);
    });
  }

  /// Adds the gradient of some images of a batch to `part`.
  void sum_part(std::span<const int64_t> images, int64_t batch, float* part, int worker) {
    const auto count = static_cast<int64_t>(images.size());
    for (int64_t first = 0; first < count; first += together_) {
      const auto some = images.subspan(first, std::min(together_, count - first));
      if (gathers_) gather(some, own_x(worker));
      const float* const x = gathers_ ? own_x(worker) : x_of(some[0]);
      take_gradients(some, x, batch, own_y(worker), worker);
      kernel_.backward_weights({x}, own_y(worker), static_cast<int64_t>(some.size()), part,
                               kernel_scratch(worker));
    }
  }

  /// Many weights: after all images, each worker sums some of the rows over the batch, and moves
  /// them while they are in the cache.
  void step_by_rows(std::span<const int64_t> images, const RowsWork& update) {
    const auto count = static_cast<int64_t>(images.size());
    float* const x = memory_.data();
    float* const dy = x + count * x_floats_;
    parallel_chunks(count, [&](const Chunk& chunk) {
      const auto some = images.subspan(chunk.first, chunk.images);
      float* const own = x + chunk.first * x_floats_;
      gather(some, own);
      take_gradients(some, own, count, dy + chunk.first * y_floats_, chunk.worker);
    });
    constexpr int64_t block = 24;  // whole tiles of a product
    parallel_for((rows_ + block - 1) / block, [&](int64_t index, int worker) {
      const int64_t first = index * block, rows = std::min(block, rows_ - first);
      float* const gradient = weight_.grad.data() + first * channels_;
      std::fill_n(gradient, rows * channels_, 0.0f);
      kernel_.backward_weight_rows({x}, dy, count, first, rows, gradient, kernel_scratch(worker));
      move_rows(first, rows, gradient, update);
    });
  }

  const FitImages images_;
  const ConvolutionChain chain_;
  ConvolutionKernel& kernel_;
  Parameter<float>& weight_;
  ChainScale scale_;
  const GradientSplit split_;
  const int64_t channels_, rows_, x_floats_, y_floats_;
  const bool gathers_;      // images are copied together, as their gradients are summed across them
  const int64_t together_;  // images that one call of the kernel takes
  const int64_t shared_floats_, own_x_floats_, own_y_floats_, own_floats_;
  std::atomic<bool> is_prepared_ = false;  // the kernel, for the weight as it is
  Arena memory_;  // shared: x and dy of a batch, or parts of a gradient; then each worker's own
};

/// Null unless all of the net is one convolution's chain without a norm.
std::unique_ptr<WeightFit> make_convolution_fit(Network& layer, const FitImages& images,
                                                int64_t batch) {
  const std::vector<int> nodes = convolution_chain(layer, 1);
  if (nodes.empty() || nodes.size() + 1 != layer.nodes().size()) return nullptr;
  for (int node : nodes)
    if (layer.layer(node)->channel_affine()) return nullptr;
  return std::make_unique<ConvolutionFit>(layer, nodes, images, batch);
}

const bool registered = (fused_weight_fits().push_back(make_convolution_fit), true);

}  // namespace
}  // namespace quantdyn
