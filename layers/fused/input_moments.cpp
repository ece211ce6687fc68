#include "layers/fused/input_moments.h"

#include <algorithm>

#include "framework/base/threads.h"
#include "layers/fused/part_sums.h"
#include "layers/fused/rows.h"

namespace quantdyn {
namespace {

constexpr int64_t block = 64;  // channels of a task; whole panels of a product

/// Calls work(first, count) for blocks of channels, on all workers.
template <typename Work>
void for_blocks(int64_t channels, const Work& work) {
  parallel_for((channels + block - 1) / block, [&](int64_t index, int) {
    work(index * block, std::min(block, channels - index * block));
  });
}

/// to [rows, columns] = left [rows, depth] times a packed factor.
void multiply_by_packed(const float* left, int64_t rows, int64_t depth, const float* packed,
                        int64_t columns, float* to, const ChannelMap* map = nullptr) {
  multiply({1, rows, columns, 1, depth}, {left, 0, depth, 0, 1}, {packed, 0}, {to, 0, columns, map},
           Accumulate::no);
}

}  // namespace

/// Up to 32 inputs a pixel, 2 C^2 K is at most n C K / 2 in such a batch.
bool InputMoments::take_fewer_products(const Convolution& conv) {
  return conv.is_pointwise() && conv.stride_h == 1 && conv.stride_w == 1 &&
         conv.in_c <= 32 * conv.out_h * conv.out_w && conv.in_c <= conv.out_c * 3 / 2;
}

InputMoments::InputMoments(const Convolution& conv)
    : pixels_(conv.out_h * conv.out_w),
      channels_(conv.in_c),
      outputs_(conv.out_c),
      mean_x_(static_cast<size_t>(channels_)),
      covariance_({channels_, channels_}),
      covariance_w_({channels_, outputs_}),
      packed_({channels_, outputs_}),
      scaled_({channels_, outputs_}),
      to_dx_({channels_, channels_}),
      ones_(static_cast<size_t>(channels_), 1.0f),
      shift_(static_cast<size_t>(channels_)),
      zeros_(static_cast<size_t>(channels_)),
      mean_z_(static_cast<size_t>(outputs_)),
      variance_z_(static_cast<size_t>(outputs_)) {}

/// 32 where a part has more moments than 8 images have values.
int64_t InputMoments::images_a_part(int64_t images) const {
  const bool outweighs = channels_ > images_per_chunk * pixels_;
  return outweighs && images > 4 * images_per_chunk ? 4 * images_per_chunk : images_per_chunk;
}

int64_t InputMoments::scratch_floats(int64_t images) const {
  const int64_t parts = chunk_count(images);  // the most: fewer images may take smaller parts
  return parts * (channels_ * channels_ + 4 * channels_) + worker_count() * own_floats();
}

void InputMoments::take(const ImageSource& x, int64_t images, const float* weight, float* scratch) {
  const int64_t a_part = images_a_part(images), parts = (images + a_part - 1) / a_part;
  const int64_t moments = channels_ * channels_;
  auto* const sums = reinterpret_cast<double*>(scratch);  // [parts, 2, channels]
  float* const squares = scratch + parts * 4 * channels_;
  float* const own = squares + parts * moments;
  parallel_for(
      parts,
      [&](int64_t part, int worker) {
        const int64_t first = part * a_part, count = std::min(a_part, images - first);
        std::fill_n(squares + part * moments, moments, 0.0f);
        std::fill_n(sums + part * 2 * channels_, 2 * channels_, 0.0);
        add_to_part(x.from(first * pixels_ * channels_), count * pixels_, squares + part * moments,
                    sums + part * 2 * channels_, own + worker * own_floats());
      },
      Walk::alternating);
  add_parts(sums, parts, 2 * channels_);
  covariance_.fill(0);
  add_parts_to(squares, parts, moments, covariance_.data());
  n_ = static_cast<double>(images * pixels_);
  take_covariance(covariance_.data(), sums);
  take_moments_of_z(weight);
}

/// Adds x^T x, the part on and above the blocks of the diagonal, and the sums of x.
void InputMoments::add_to_part(const ImageSource& x, int64_t rows, float* squares, double* sums,
                               float* own) const {
  for (int64_t row = 0; row < rows; row += rows_at_once) {
    const int64_t count = std::min(rows_at_once, rows - row);
    const float* tile = x.data + row * channels_;
    if (!x.is_as_stored()) {
      x.load(row * channels_, channels_, count, channels_, 0, own);
      tile = own;
    }
    add_shifted_sums(tile, count, channels_, zeros_.data(), sums, sums + channels_);
    for (int64_t c = 0; c < channels_; c += block)
      multiply({1, std::min(block, channels_ - c), channels_ - c, 1, count},
               {tile + c, 0, 1, 0, channels_}, {tile + c, channels_},
               {squares + c * channels_ + c, 0, channels_}, Accumulate::yes);
  }
}

/// `squares` may be the covariance itself. Both halves are written: row c reads only what lies on
/// and above the diagonal, and no one else writes there.
void InputMoments::take_covariance(const float* squares, const double* sums) {
  for (int64_t c = 0; c < channels_; ++c) mean_x_[c] = sums[c] / n_;
  for_blocks(channels_, [&](int64_t first, int64_t count) {
    for (int64_t c = first; c < first + count; ++c)
      for (int64_t k = c; k < channels_; ++k) {
        const double value = squares[c * channels_ + k] / n_ - mean_x_[c] * mean_x_[k];
        covariance_[c * channels_ + k] = covariance_[k * channels_ + c] = static_cast<float>(value);
      }
  });
}

void InputMoments::take_moments_of_z(const float* weight) {
  pack_columns({weight, outputs_, 1}, channels_, outputs_, packed_.data());
  for_blocks(channels_, [&](int64_t first, int64_t count) {
    multiply_by_packed(covariance_.data() + first * channels_, count, channels_, packed_.data(),
                       outputs_, covariance_w_.data() + first * outputs_);
  });
  for_blocks(outputs_, [&](int64_t first, int64_t count) {
    double* const mean = mean_z_.data() + first;
    double* const variance = variance_z_.data() + first;
    std::fill_n(mean, count, 0.0);
    std::fill_n(variance, count, 0.0);
    for (int64_t c = 0; c < channels_; ++c) {
      const float* const w = weight + c * outputs_ + first;
      const float* const of_w = covariance_w_.data() + c * outputs_ + first;
      for (int64_t k = 0; k < count; ++k) {
        mean[k] += mean_x_[c] * w[k];
        variance[k] += static_cast<double>(w[k]) * of_w[k];
      }
    }
    // NaN must stay: max(0, NaN) is 0.
    for (int64_t k = 0; k < count; ++k) variance[k] = variance[k] < 0 ? 0 : variance[k];
  });
}

/// x^T dz = n of_z (Cov(x) W + mean(x) mean(z)) + n mean(x) constant.
void InputMoments::add_weight_gradient(std::span<const float> of_z, std::span<const float> constant,
                                       float* dweight) const {
  for_blocks(channels_, [&](int64_t first, int64_t count) {
    for (int64_t c = first; c < first + count; ++c) {
      const float* const of_w = covariance_w_.data() + c * outputs_;
      float* const to = dweight + c * outputs_;
      for (int64_t k = 0; k < outputs_; ++k) {
        const double of_mean = static_cast<double>(of_z[k]) * mean_z_[k] + constant[k];
        to[k] += static_cast<float>(
            n_ * (static_cast<double>(of_z[k]) * of_w[k] + mean_x_[c] * of_mean));
      }
    }
  });
}

void InputMoments::prepare_backward(const float* weight, std::span<const float> of_z,
                                    std::span<const float> constant) {
  pack_columns({weight, 1, outputs_}, outputs_, channels_, packed_.data());
  Tensor<float>& unpacked = covariance_;  // no longer needed
  for_blocks(channels_, [&](int64_t first, int64_t count) {
    for (int64_t c = first; c < first + count; ++c) {
      double shift = 0;
      for (int64_t k = 0; k < outputs_; ++k) {
        const float w = weight[c * outputs_ + k];
        scaled_[c * outputs_ + k] = w * of_z[k];
        shift += static_cast<double>(w) * constant[k];
      }
      shift_[c] = static_cast<float>(shift);
    }
    multiply_by_packed(scaled_.data() + first * outputs_, count, outputs_, packed_.data(),
                       channels_, unpacked.data() + first * channels_);
  });
  pack_columns({unpacked.data(), channels_, 1}, channels_, channels_, to_dx_.data());
}

void InputMoments::backward_data(const ImageSource& x, int64_t images, float* dx,
                                 Accumulate accumulate, float* own) const {
  const ChannelMap map{ones_.data(), shift_.data(), FusedActivation::none};
  for (int64_t row = 0; row < images * pixels_; row += rows_at_once) {
    const int64_t count = std::min(rows_at_once, images * pixels_ - row);
    const float* tile = x.data + row * channels_;
    if (!x.is_as_stored()) {
      x.load(row * channels_, channels_, count, channels_, 0, own);
      tile = own;
    }
    float* const to = dx + row * channels_;
    const bool adds = accumulate == Accumulate::yes;
    float* const product = adds ? own + rows_at_once * channels_ : to;
    multiply_by_packed(tile, count, channels_, to_dx_.data(), channels_, product, &map);
    for (int64_t i = 0; adds && i < count * channels_; ++i) to[i] += product[i];
  }
}

}  // namespace quantdyn
