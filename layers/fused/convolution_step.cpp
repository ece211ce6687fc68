#include "layers/fused/convolution_step.h"

#include <algorithm>
#include <cmath>

#include "framework/base/threads.h"
#include "layers/fused/part_sums.h"
#include "layers/fused/rows.h"

namespace quantdyn {
namespace {

/// Below this many channels Winograd's transforms cost more than its products save.
constexpr int64_t fewest_winograd_channels = 16;

std::unique_ptr<ConvolutionKernel> make_kernel(const Convolution& convolution,
                                               ConvolutionAlgorithm algorithm) {
  if (convolution.is_depthwise()) return make_depthwise_convolution(convolution);
  const bool pays = std::min(convolution.in_c, convolution.out_c) >= fewest_winograd_channels;
  const bool wanted = algorithm == ConvolutionAlgorithm::winograd ||
                      (algorithm == ConvolutionAlgorithm::automatic && pays);
  return wanted && takes_winograd(convolution) ? make_winograd_convolution(convolution)
                                               : make_direct_convolution(convolution);
}

void move_running(float& running, double batch, double momentum) {
  running = static_cast<float>((1 - momentum) * running + momentum * batch);
}

}  // namespace

ConvolutionStep::ConvolutionStep(std::vector<int> nodes, const Network& network,
                                 Activation activation, ConvolutionAlgorithm algorithm)
    : Step(std::move(nodes)),
      linear_(*network.layer(this->nodes().front())->linear()),
      norm_(network.layer(this->nodes()[this->nodes().size() > 1 ? 1 : 0])->channel_affine()),
      activation_(activation),
      kernel_(make_kernel(*network.layer(this->nodes().front())->convolution(), algorithm)),
      channels_(kernel_->conv.out_c),
      ones_(channels_, 1.0f),
      scale_(channels_, 1.0f),
      shift_(channels_, 0.0f),
      batch_mean_(channels_, 0.0f),
      inverse_deviation_(channels_, 1.0f),
      of_z_(channels_),
      constant_(channels_),
      split_(*kernel_, norm_ != nullptr) {}

void ConvolutionStep::prepare() {
  kernel_->prepare_forward(linear_.weight->read());
  if (norm_)
    take_running_statistics();
  else
    for (int64_t k = 0; k < channels_; ++k) shift_[k] = static_cast<float>(bias_of(k));
}

void ConvolutionStep::take_running_statistics() {
  for (int64_t k = 0; k < channels_; ++k) {
    const double inverse = 1 / std::sqrt(norm_->variance->read()[k] + norm_->epsilon);
    const double mean = norm_->mean->read()[k] - bias_of(k);
    const double scale = norm_->gamma->read()[k] * inverse;
    batch_mean_[k] = static_cast<float>(mean);
    inverse_deviation_[k] = static_cast<float>(inverse);
    scale_[k] = static_cast<float>(scale);
    shift_[k] = static_cast<float>(norm_->beta->read()[k] - scale * mean);
  }
}

void ConvolutionStep::evaluate(std::span<const View<const float>> x, View<float> y,
                               const UnitTaps& taps, const EvaluationChunk& chunk) const {
  const int64_t valid = y.shape.of_one().rows() * chunk.images;
  const bool is_bare = std::ranges::all_of(taps, [](const Tap& tap) { return tap.empty(); });
  const int64_t all = y.shape.rows(), enough = rows_per_tile(channels_);
  int64_t finished = 0;
  kernel_->forward({x[0].data}, images_per_chunk, y.data, is_bare ? &map_ : nullptr, chunk.scratch,
                   [&](int64_t first, int64_t rows) {  // rows come in order; few wait for more
                     const int64_t end = first + rows;
                     if (is_bare || (end - finished < enough && end < all)) return;
                     finish_rows(y.data, finished, end - finished, valid, taps, chunk);
                     finished = end;
                   });
}

std::optional<TapMap> ConvolutionStep::norm_of_conv() const {
  if (norm_ == nullptr) return {};
  return TapMap{scale_, [this](float* values, int64_t rows) {
                  apply_map(norm_map_, values, channels_, rows, channels_, values);
                }};
}

void ConvolutionStep::forward(std::span<const View<const float>> x, View<float> y,
                              View<float> saved, float* scratch) {
  if (norm_ == nullptr) {
    prepare();
    parallel_chunks(y.shape[0], [&](const Chunk& chunk) {
      kernel_->forward(input(x[0], chunk.first), chunk.images,
                       y.slice(chunk.first, chunk.images).data, &map_,
                       split_.own(scratch, y.shape[0], chunk.worker), [](int64_t, int64_t) {});
    });
    return;
  }
  const int64_t rows = outputs() / channels_;
  take_batch_statistics(convolve_and_sum(x[0], saved, scratch), x[0].shape[0] * rows);
  if (!y) return;  // readers apply map_ themselves
  parallel_chunks(y.shape[0], [&](const Chunk& chunk) {
    apply_map(map_, saved.slice(chunk.first, chunk.images).data, channels_, rows * chunk.images,
              channels_, y.slice(chunk.first, chunk.images).data);
  });
}

void ConvolutionStep::backward(std::span<const View<const float>> x, View<const float> y,
                               View<float> saved, View<float> dy, std::span<const InputGradient> dx,
                               float* scratch) {
  if (norm_)
    backward_through_norm(saved, dy, scratch);
  else
    backward_through_activation(y, dy, scratch);
  backward_through_convolution(x[0], saved, dy, dx[0], scratch);
}

void ConvolutionStep::backward_through_convolution(View<const float> x, View<const float> z,
                                                   View<float> dy, const InputGradient& dx,
                                                   float* scratch) {
  if (dx.to) kernel_->prepare_backward(linear_.weight->read());
  if (split_.by_rows)
    backward_by_rows(x, z, dy, dx, scratch);
  else
    backward_by_parts(x, z, dy, dx, scratch);
}

void ConvolutionStep::backward_of_map(View<const float> x, View<float> z, View<float> free,
                                      const MapGradient& gradient, const InputGradient& dx,
                                      float* scratch) {
  const auto n = static_cast<double>(free.shape.rows());
  for (int64_t k = 0; k < channels_; ++k) {
    const double mean = batch_mean_[k], inverse = inverse_deviation_[k];
    const double of_scale = gradient.scale[k] - mean * gradient.shift[k];
    norm_->beta->grad[k] += static_cast<float>(gradient.shift[k]);
    norm_->gamma->grad[k] += static_cast<float>(of_scale * inverse);
    // variance' = -1/2 inverse^3 gamma of_scale, mean' = -scale shift', and both reach every z.
    const double of_variance =
        -0.5 * inverse * inverse * inverse * norm_->gamma->read()[k] * of_scale;
    const double of_z = 2 * of_variance / n;
    of_z_[k] = static_cast<float>(of_z);
    constant_[k] = static_cast<float>(-scale_[k] * gradient.shift[k] / n - of_z * mean);
  }
  of_gradient_ = zeros_.data();
  std::ranges::fill(free.values(), 0.0f);
  backward_through_convolution(x, z, free, dx, scratch);
  of_gradient_ = scale_.data();
}

void ConvolutionStep::backward_of_running_map(const MapGradient& gradient) {
  for (int64_t k = 0; k < channels_; ++k) {
    const double of_scale = gradient.scale[k] - batch_mean_[k] * gradient.shift[k];
    norm_->beta->grad[k] += static_cast<float>(gradient.shift[k]);
    norm_->gamma->grad[k] += static_cast<float>(of_scale * inverse_deviation_[k]);
    if (!linear_.bias->grad.empty())
      linear_.bias->grad[k] += static_cast<float>(scale_[k] * gradient.shift[k]);
  }
}

void ConvolutionStep::expect_gradients(int64_t images) {
  watched_sums_.resize(static_cast<size_t>(chunk_count(images) * 2 * channels_));
}
void ConvolutionStep::watch_gradient(View<const float> z, View<const float> dy, int64_t first,
                                     int64_t images) {
  for (int64_t end = first + images; first < end;) {  // by chunk
    const int64_t count = std::min(end - first, images_per_chunk - first % images_per_chunk);
    double* const to = watched_sums_.data() + first / images_per_chunk * 2 * channels_;
    if (first % images_per_chunk == 0) std::fill_n(to, 2 * channels_, 0.0);
    add_gradient_sums(z, dy, first, count, to);
    first += count;
  }
}

/// Conv, norm and output while the rows are in the cache; rows of padding images end unseen.
void ConvolutionStep::finish_rows(float* y, int64_t first, int64_t rows, int64_t valid,
                                  const UnitTaps& taps, const EvaluationChunk& chunk) const {
  const Tap& conv_tap = taps[static_cast<size_t>(TapKind::conv)];
  const Tap& norm_tap = taps[static_cast<size_t>(TapKind::norm)];
  const Tap& output_tap = taps[static_cast<size_t>(TapKind::output)];
  const int64_t tile = rows_per_tile(channels_);
  for (int64_t row = first; row < first + rows; row += tile) {
    float* const at = y + row * channels_;
    const int64_t count = std::min(tile, first + rows - row);
    const int64_t seen = std::clamp<int64_t>(valid - row, 0, count);
    if (norm_) visit(conv_tap, at, seen, channels_, row, chunk);
    apply_map(norm_map_, at, channels_, count, channels_, at);
    visit(norm_tap, at, seen, channels_, row, chunk);
    apply_map(activation_map_, at, channels_, count, channels_, at);
    visit(output_tap, at, seen, channels_, row, chunk);
  }
}

/// z = conv x (its bias is left to the norm's shift: a constant moves only the mean), with
/// shifted sums.
const double* ConvolutionStep::convolve_and_sum(View<const float> x, View<float> z,
                                                float* scratch) {
  std::copy_n(norm_->mean->read(), channels_, batch_mean_.data());
  kernel_->prepare_forward(linear_.weight->read());
  return sum_by_chunks(x.shape[0], scratch, [&](const Chunk& chunk, double* sums) {
    float* const to = z.slice(chunk.first, chunk.images).data;
    kernel_->forward(input(x, chunk.first), chunk.images, to, nullptr,
                     split_.own(scratch, x.shape[0], chunk.worker),
                     [&](int64_t first, int64_t rows) {
                       add_shifted_sums(to + first * channels_, rows, channels_, batch_mean_.data(),
                                        sums, sums + channels_);
                     });
  });
}

/// Batch mean and variance from sums about the running mean; sets the norm's scale and shift and
/// moves the running statistics (Ioffe and Szegedy 2015, algorithm 1; unbiased running variance).
void ConvolutionStep::take_batch_statistics(const double* sums, int64_t n) {
  if (n < 2) fail("batch norm in training needs at least 2 values a channel, found {}", n);
  const double count = static_cast<double>(n), momentum = norm_->momentum;
  for (int64_t k = 0; k < channels_; ++k) {
    const double offset = sums[k] / count;
    const double mean = batch_mean_[k] + offset;
    const double variance = std::max(sums[channels_ + k] / count - offset * offset, 0.0);
    const double inverse = 1 / std::sqrt(variance + norm_->epsilon);
    const double scale = norm_->gamma->read()[k] * inverse;
    batch_mean_[k] = static_cast<float>(mean);
    inverse_deviation_[k] = static_cast<float>(inverse);
    scale_[k] = static_cast<float>(scale);
    shift_[k] = static_cast<float>(norm_->beta->read()[k] - scale * mean);
    move_running(norm_->mean->master[k], mean + bias_of(k), momentum);
    move_running(norm_->variance->master[k], variance * count / (count - 1), momentum);
  }
}

/// Finds the coefficients of dz = scale g + of_z z + constant, g the gradient after the
/// activation: dz = scale (g - mean g - (z - mean) inverse^2 mean(g (z - mean))).
void ConvolutionStep::backward_through_norm(View<const float> z, View<const float> dy,
                                            float* scratch) {
  const double* sums = watched_sums_.data();
  if (watched_sums_.empty())
    sums = sum_by_chunks(dy.shape[0], scratch, [&](const Chunk& chunk, double* to) {
      add_gradient_sums(z, dy, chunk.first, chunk.images, to);
    });
  else
    add_parts(watched_sums_.data(), chunk_count(dy.shape[0]), 2 * channels_);
  const double n = static_cast<double>(dy.shape.rows());
  for (int64_t k = 0; k < channels_; ++k) {
    const double inverse = inverse_deviation_[k], product = sums[channels_ + k];
    norm_->beta->grad[k] += static_cast<float>(sums[k]);
    norm_->gamma->grad[k] += static_cast<float>(product * inverse);
    const double of_z = -scale_[k] * inverse * inverse * product / n;
    of_z_[k] = static_cast<float>(of_z);
    constant_[k] = static_cast<float>(-scale_[k] * sums[k] / n - of_z * batch_mean_[k]);
  }
}

/// Adds sum g and sum g (z - mean) of some images to [2, channels].
void ConvolutionStep::add_gradient_sums(View<const float> z, View<const float> dy, int64_t first,
                                        int64_t images, double* to) const {
  sum_masked(z.slice(first, images).data, dy.slice(first, images).data,
             images * dy.shape.of_one().rows(), channels_, scale_.data(), shift_.data(),
             batch_mean_.data(), activation_, to, to + channels_);
}

void ConvolutionStep::backward_through_activation(View<const float> y, View<float> dy,
                                                  float* scratch) {
  const double* const sums =
      sum_by_chunks(dy.shape[0], scratch, [&](const Chunk& chunk, double* to) {
        mask_by_output(y.slice(chunk.first, chunk.images).data,
                       dy.slice(chunk.first, chunk.images).data,
                       dy.shape.of_one().rows() * chunk.images, channels_, activation_, to);
      });
  if (linear_.bias->grad.empty()) return;
  for (int64_t k = 0; k < channels_; ++k) linear_.bias->grad[k] += static_cast<float>(sums[k]);
}

/// dz of some images: where no norm is, dy has been made it already.
const float* ConvolutionStep::gradient_of_z(View<const float> z, View<const float> dy,
                                            int64_t first, int64_t images, float* to) const {
  if (norm_ == nullptr) return dy.slice(first, images).data;
  norm_gradient(z.slice(first, images).data, dy.slice(first, images).data, to,
                images * dy.shape.of_one().rows(), channels_, of_gradient_, shift_.data(),
                of_z_.data(), constant_.data(), activation_);
  return to;
}

/// Weight gradients in parts of some images, each by one worker.
void ConvolutionStep::backward_by_parts(View<const float> x, View<const float> z,
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
          const float* const dz = gradient_of_z(z, dy, i, count, own);
          kernel_->backward_weights(input(x, i), dz, count, part, own + split_.dz_floats);
          if (dx.to)
            kernel_->backward_data(dz, count, dx.to.slice(i, count).data, dx.accumulate,
                                   own + split_.dz_floats);
          dx.complete(i, count);
        }
      },
      Walk::alternating);
  add_parts_to(scratch, split_.parts(images), weights, linear_.weight->grad.data());
}

/// Weight gradients by their rows: each worker reads all images and adds up some rows.
void ConvolutionStep::backward_by_rows(View<const float> x, View<const float> z, View<float> dy,
                                       const InputGradient& dx, float* scratch) {
  const int64_t images = dy.shape[0];
  parallel_chunks(images, [&](const Chunk& chunk) {
    const float* const dz =
        gradient_of_z(z, dy, chunk.first, chunk.images, dy.slice(chunk.first, chunk.images).data);
    if (dx.to)
      kernel_->backward_data(dz, chunk.images, dx.to.slice(chunk.first, chunk.images).data,
                             dx.accumulate, split_.own(scratch, images, chunk.worker));
    dx.complete(chunk.first, chunk.images);
  });
  constexpr int64_t block = 32;  // whole vectors of a map, nearly whole tiles of a product
  const int64_t rows = kernel_->separable_weight_rows();
  parallel_for((rows + block - 1) / block, [&](int64_t index, int worker) {
    kernel_->backward_weight_rows(input(x, 0), dy.data, images, index * block,
                                  std::min(block, rows - index * block),
                                  linear_.weight->grad.data(), split_.own(scratch, images, worker));
  });
}

/// Two sums a channel over the batch: `work` adds a chunk's to [2, channels] zeros.
template <typename Work>
const double* ConvolutionStep::sum_by_chunks(int64_t images, float* scratch,
                                             const Work& work) const {
  auto* const sums = reinterpret_cast<double*>(scratch);
  parallel_chunks(images, [&](const Chunk& chunk) {
    double* const to = sums + chunk.index * 2 * channels_;
    std::fill_n(to, 2 * channels_, 0.0);
    work(chunk, to);
  });
  add_parts(sums, chunk_count(images), 2 * channels_);
  return sums;
}

Activation fused_activation(const Network& network, int node) {
  const std::string& kind = network.nodes()[node].kind;
  return kind == "relu" ? Activation::relu : kind == "relu6" ? Activation::relu6 : Activation::none;
}

namespace {

/// The chain that starts at a convolution; the unit says what belongs to it.
std::unique_ptr<Step> make_convolution_step(const Network& network, int node,
                                            ConvolutionAlgorithm algorithm) {
  const Unit& unit = network.units()[network.nodes()[node].unit];
  if (unit.leader != node || network.layer(node)->convolution() == nullptr ||
      network.layer(node)->linear() == nullptr)
    return nullptr;
  std::vector<int> nodes{node};
  if (unit.norm >= 0) nodes.push_back(unit.norm);
  const Activation activation =
      unit.activation < 0 ? Activation::none : fused_activation(network, unit.activation);
  if (activation != Activation::none) nodes.push_back(unit.activation);
  return std::make_unique<ConvolutionStep>(std::move(nodes), network, activation, algorithm);
}

const bool registered = (step_makers().push_back(make_convolution_step), true);

}  // namespace
}  // namespace quantdyn
