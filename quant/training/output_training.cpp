#include "quant/training/output_training.h"

#include <algorithm>
#include <cmath>

#include "framework/base/threads.h"
#include "quant/kernels/gradient_passing.h"
#include "quant/ranges/extremes.h"

namespace quantdyn {
namespace {

/// activation(scale x + shift) of a row; NaN passes through.
void map_row(const std::optional<ChannelMap>& map, const float* x, int64_t channels, float* to) {
  if (!map) {
    std::copy_n(x, channels, to);
    return;
  }
  const Ends ends = ends_of(map->activation);
  for (int64_t c = 0; c < channels; ++c) to[c] = ends.clip(x[c] * map->scale[c] + map->shift[c]);
}

/// Whether equal values of one channel may get different codes: half-way values at many places.
bool depends_on_place(const Quantization& quantization) {
  std::vector<float> levels = quantization.levels(0);
  std::erase_if(levels, [](float level) { return !std::isfinite(level); });
  if (levels.size() < 2) return false;
  std::vector<float> values(64, 0.5f * (levels[0] + levels[1]));
  quantization.apply({values.data(), 64, 1, 1, 0, 0, 0, 0});
  return std::ranges::adjacent_find(values, std::ranges::not_equal_to()) != values.end();
}

}  // namespace

OutputTraining::OutputTraining(int node, TrainedRange& range, double momentum)
    : TrainingStep({node}),
      range_(range),
      momentum_(momentum),
      depends_on_place_(depends_on_place(range.quantization())) {}

void OutputTraining::follow_parameter() {
  if (!is_frozen_) range_.follow_parameter();
}

void OutputTraining::visit_state(StateVisitor state) {
  state.visit("next_chunk", next_chunk_);
  range_.visit_state(state.group("range"));
}

void OutputTraining::forward(std::span<const View<const float>> x, View<float> y, View<float>,
                             float*) {
  if (!is_frozen_ && range_.learning() == Learning::straight_through) move_range(x[0]);
  const int64_t channels = x[0].shape.channels(), rows = x[0].shape.of_one().rows();
  const int64_t first_chunk = next_chunk_;
  next_chunk_ += chunk_count(x[0].shape[0]);
  if (!y) return;  // readers quantize
  parallel_chunks(y.shape[0], [&](const Chunk& chunk) {
    const int64_t most = rows_per_tile(channels);
    for (int64_t row = 0; row < chunk.images * rows; row += most) {
      const int64_t count = std::min(most, chunk.images * rows - row);
      const int64_t at = (chunk.first * rows + row) * channels;
      for (int64_t r = 0; r < count; ++r)
        map_row(map_, x[0].data + at + r * channels, channels, y.data + at + r * channels);
      range_.quantization().apply({.values = y.data + at,
                                   .rows = count,
                                   .channels = channels,
                                   .row_stride = channels,
                                   .first_row = row,
                                   .first_channel = 0,
                                   .chunk = first_chunk + chunk.index,
                                   .worker = chunk.worker});
    }
  });
}

void OutputTraining::move_range(View<const float> x) {
  const std::vector<Range> seen =
      (seen_ ? *seen_ : extremes_of(x)).by_entry(range_.scheme().quantizer->granularity());
  std::vector<Range> moved = range_.ranges();
  for (size_t i = 0; i < moved.size(); ++i) {
    moved[i].low += momentum_ * (seen[i].low - moved[i].low);
    moved[i].high += momentum_ * (seen[i].high - moved[i].high);
  }
  range_.set(std::move(moved));
  if (seen_) expect_input();
}

Extremes OutputTraining::extremes_of(View<const float> x) const {
  const int64_t channels = x.shape.channels(), rows = x.shape.of_one().rows();
  Extremes out(range_.tensor(), channels);
  parallel_chunks(x.shape[0], [&](const Chunk& chunk) {
    std::vector<float> tile(map_ ? static_cast<size_t>(rows_per_tile(channels) * channels) : 0);
    const int64_t end = (chunk.first + chunk.images) * rows;
    for (int64_t row = chunk.first * rows; row < end; row += rows_per_tile(channels)) {
      const int64_t count = std::min(rows_per_tile(channels), end - row);
      for (int64_t r = 0; r < count && map_; ++r)
        map_row(map_, x.data + (row + r) * channels, channels, tile.data() + r * channels);
      out.add({.values = map_ ? tile.data() : x.data + row * channels,
               .rows = count,
               .channels = channels,
               .row_stride = channels,
               .first_row = 0,
               .first_channel = 0,
               .chunk = chunk.index,
               .worker = chunk.worker});
    }
  });
  return out;
}

void OutputTraining::backward(std::span<const View<const float>> x, View<const float> y,
                              View<float>, View<float> dy, std::span<const InputGradient> dx,
                              float*) {
  const int64_t images = dy.shape[0], channels = dy.shape.channels();
  if (!is_watched_) {
    sums_.assign(static_cast<size_t>(chunk_count(images) * channels), 0.0);
    parallel_chunks(images, [&](const Chunk& chunk) {
      pass_images(x[0], y, dy, dx[0], chunk.first, chunk.images,
                  sums_.data() + chunk.index * channels);
      dx[0].complete(chunk.first, chunk.images);
    });
  }
  add_sums(images);
}

void OutputTraining::expect_gradients(int64_t images) {
  is_watched_ = true;
  sums_.resize(static_cast<size_t>(chunk_count(images) * range_.channels()));
}

void OutputTraining::watch_gradient(View<const float> x, View<float> dy, int64_t first,
                                    int64_t images) {
  const InputGradient in_place{dy, Accumulate::no, nullptr, {}};
  for (const int64_t end = first + images; first < end;) {  // by chunk
    const int64_t count = std::min(end - first, images_per_chunk - first % images_per_chunk);
    double* const sums = sums_.data() + first / images_per_chunk * range_.channels();
    if (first % images_per_chunk == 0) std::fill_n(sums, range_.channels(), 0.0);
    pass_images(x, {}, dy, in_place, first, count, sums);
    first += count;
  }
}

/// Some images of one chunk. Without a result y, the values that lsq needs are quantized again.
void OutputTraining::pass_images(View<const float> x, View<const float> y, View<const float> dy,
                                 const InputGradient& dx, int64_t first, int64_t images,
                                 double* sums) const {
  const int64_t channels = dy.shape.channels(), rows = dy.shape.of_one().rows();
  const int64_t most = rows_per_tile(channels), end = (first + images) * rows;
  const bool quantizes = !y && range_.learning() == Learning::lsq;
  std::vector<float> tile(map_ || quantizes ? static_cast<size_t>(most * channels) : 0);
  for (int64_t row = first * rows; row < end; row += most) {
    const int64_t count = std::min(most, end - row), at = row * channels;
    for (int64_t r = 0; r < count && map_; ++r)
      map_row(map_, x.data + at + r * channels, channels, tile.data() + r * channels);
    if (quantizes) apply_to({x.data + at, count, channels, channels, 0, 0, 0, 0}, tile.data());
    pass_gradient({.values = map_ ? tile.data() : x.data + at,
                   .quantized = quantizes ? tile.data()
                                : y       ? y.data + at
                                          : nullptr,
                   .dy = dy.data + at,
                   .rows = count,
                   .channels = channels,
                   .row_stride = channels,
                   .lowest = range_.lowest().data(),
                   .highest = range_.highest().data()},
                  sums_of(range_.learning()), dx.to ? dx.to.data + at : nullptr, dx.accumulate,
                  sums);
  }
}

/// The chunks' sums in their order.
void OutputTraining::add_sums(int64_t images) {
  if (!has_parameters()) return;
  const int64_t channels = range_.channels();
  std::vector<double> total(static_cast<size_t>(channels));
  for (int64_t part = 0; part < chunk_count(images); ++part)
    for (int64_t c = 0; c < channels; ++c) total[c] += sums_[part * channels + c];
  range_.add_gradient(total);
}

}  // namespace quantdyn
