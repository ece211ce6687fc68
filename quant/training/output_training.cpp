#include "quant/training/output_training.h"

#include <algorithm>

#include "framework/base/threads.h"
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

}  // namespace

OutputTraining::OutputTraining(int node, TrainedRange& range, double momentum)
    : TrainingStep({node}), range_(range), momentum_(momentum) {}

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
  const int64_t channels = y.shape.channels(), rows = y.shape.of_one().rows();
  const int64_t first_chunk = next_chunk_;
  next_chunk_ += chunk_count(y.shape[0]);
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
  const int64_t channels = x.shape.channels(), rows = x.shape.of_one().rows();
  const auto observer = std::make_unique<Extremes>(range_.tensor(), channels);
  parallel_chunks(x.shape[0], [&](const Chunk& chunk) {
    std::vector<float> tile(static_cast<size_t>(rows_per_tile(channels) * channels));
    const int64_t end = (chunk.first + chunk.images) * rows;
    for (int64_t row = chunk.first * rows; row < end; row += rows_per_tile(channels)) {
      const int64_t count = std::min(rows_per_tile(channels), end - row);
      for (int64_t r = 0; r < count; ++r)
        map_row(map_, x.data + (row + r) * channels, channels, tile.data() + r * channels);
      observer->add({.values = tile.data(),
                     .rows = count,
                     .channels = channels,
                     .row_stride = channels,
                     .first_row = 0,
                     .first_channel = 0,
                     .chunk = chunk.index,
                     .worker = chunk.worker});
    }
  });
  const std::vector<Range> seen = observer->by_entry(range_.scheme().quantizer->granularity());
  std::vector<Range> moved = range_.ranges();
  for (size_t i = 0; i < moved.size(); ++i) {
    moved[i].low += momentum_ * (seen[i].low - moved[i].low);
    moved[i].high += momentum_ * (seen[i].high - moved[i].high);
  }
  range_.set(std::move(moved));
}

void OutputTraining::backward(std::span<const View<const float>> x, View<const float> y,
                              View<float>, View<float> dy, std::span<const InputGradient> dx,
                              float*) {
  const int64_t channels = y.shape.channels(), rows = y.shape.of_one().rows();
  const float *const lowest = range_.lowest().data(), *const highest = range_.highest().data();
  const Learning learning = range_.learning();
  std::vector<std::vector<double>> parts(static_cast<size_t>(chunk_count(y.shape[0])));
  parallel_chunks(y.shape[0], [&](const Chunk& chunk) {
    std::vector<double>& sums = parts[chunk.index];
    sums.assign(static_cast<size_t>(channels), 0.0);
    std::vector<float> values(static_cast<size_t>(channels));
    for (int64_t row = chunk.first * rows; row < (chunk.first + chunk.images) * rows; ++row) {
      map_row(map_, x[0].data + row * channels, channels, values.data());
      const float *const g = dy.data + row * channels, *const q = y.data + row * channels;
      float* const to = dx[0].to ? dx[0].to.data + row * channels : nullptr;
      for (int64_t c = 0; c < channels; ++c) {
        const bool is_inside = values[c] >= lowest[c] && values[c] <= highest[c];
        if (learning == Learning::lsq)
          sums[c] += static_cast<double>(g[c]) * (q[c] - (is_inside ? values[c] : 0));
        else if (learning == Learning::pact)
          sums[c] += values[c] > highest[c] ? g[c] : 0;
        if (to == nullptr) continue;
        const float passed = is_inside ? g[c] : 0;
        to[c] = dx[0].accumulate == Accumulate::yes ? to[c] + passed : passed;
      }
    }
    dx[0].complete(chunk.first, chunk.images);
  });
  if (learning == Learning::straight_through) return;
  std::vector<double> total(static_cast<size_t>(channels));
  for (const std::vector<double>& part : parts)
    for (int64_t c = 0; c < channels; ++c) total[c] += part[c];
  range_.add_gradient(total);
}

}  // namespace quantdyn
