#include "quant/measure/quantizer_error.h"

#include <algorithm>
#include <cmath>

#include "stats/kernels/kernels_pairs.h"

namespace quantdyn {

QuantizerErrors::QuantizerErrors(const Quantization& quantization, int64_t channels, int workers)
    : quantization_(quantization), channels_(channels), workers_(static_cast<size_t>(workers)) {
  std::vector<std::pair<float, float>> ends;
  for (int64_t entry = 0; entry < quantization.entries(); ++entry) {
    std::vector<float> levels = quantization.levels(entry);
    std::erase_if(levels, [](float level) { return !std::isfinite(level); });
    const auto [low, high] = std::ranges::minmax(levels);
    ends.emplace_back(low, high);
  }
  for (int64_t c = 0; c < channels; ++c) {
    lowest_.push_back(ends[quantization.entry_of(c)].first);
    highest_.push_back(ends[quantization.entry_of(c)].second);
  }
}

void QuantizerErrors::add(const Tile& z) {
  std::vector<float>& quantized = workers_[z.worker].quantized;
  quantized.resize(static_cast<size_t>(z.rows * z.channels));
  for (int64_t r = 0; r < z.rows; ++r)
    std::copy_n(z.values + r * z.row_stride, z.channels, quantized.data() + r * z.channels);
  const MutableTile q{.values = quantized.data(),
                      .rows = z.rows,
                      .channels = z.channels,
                      .row_stride = z.channels,
                      .first_row = z.first_row,
                      .first_channel = z.first_channel,
                      .chunk = z.chunk,
                      .worker = z.worker};
  quantization_.apply(q);
  add(z, q);
}

void QuantizerErrors::add(const Tile& z, const Tile& q) {
  Worker& mine = workers_[z.worker];
  if (mine.rows.empty()) {
    mine.clipping.resize(static_cast<size_t>(channels_));
    mine.rounding.resize(static_cast<size_t>(channels_));
    mine.rows.resize(static_cast<size_t>(channels_));
    mine.counts.resize(static_cast<size_t>(channels_));
  }
  const int64_t first = z.first_channel;
  kernels::add_quantizer_errors(z, q,
                                {lowest_.data() + first, highest_.data() + first,
                                 mine.clipping.data() + first, mine.rounding.data() + first});
  for (int64_t c = first; c < first + z.channels; ++c) mine.rows[c] += z.rows;
  count(q, mine.counts);
}

void QuantizerErrors::count(const Tile& q, std::vector<Counts>& counts) const {
  for (int64_t r = 0; r < q.rows; ++r) {
    const float* const row = q.values + r * q.row_stride;
    for (int64_t c = 0; c < q.channels; ++c) {
      Counts& into = counts[q.first_channel + c];
      const float value = row[c];
      const bool is_low = value == lowest_[q.first_channel + c];
      const bool is_high = value == highest_[q.first_channel + c];
      into.numbers += value == value;
      into.low += is_low;
      into.high += is_high;
      into.either += is_low || is_high;
    }
  }
}

void QuantizerErrors::end_chunk(int64_t chunk, int worker) {
  Worker& mine = workers_[worker];
  if (mine.rows.empty()) return;
  std::vector<Sums> sums(static_cast<size_t>(channels_));
  for (int64_t c = 0; c < channels_; ++c)
    sums[c] = {static_cast<double>(mine.rows[c]), mine.clipping[c], mine.rounding[c]};
  mine.tree.add(chunk, std::move(sums), merge);
  std::ranges::fill(mine.clipping, 0);
  std::ranges::fill(mine.rounding, 0);
  std::ranges::fill(mine.rows, 0);
}

void QuantizerErrors::merge(std::vector<Sums>& left, std::vector<Sums>&& right) {
  for (size_t c = 0; c < left.size(); ++c) {
    left[c].count += right[c].count;
    left[c].clipping += right[c].clipping;
    left[c].rounding += right[c].rounding;
  }
}

void QuantizerErrors::save(Frame& frame, const std::string& tensor, int64_t node) {
  save_errors(frame, tensor, node);
  save_saturation(frame, tensor, node);
}

void QuantizerErrors::save_errors(Frame& frame, const std::string& tensor, int64_t node) {
  auto& tree = workers_.front().tree;
  for (size_t worker = 1; worker < workers_.size(); ++worker)
    tree.absorb(std::move(workers_[worker].tree), merge);
  std::vector<Sums> channels(static_cast<size_t>(channels_));
  if (!tree.empty()) channels = tree.finish(merge);
  Sums layer;
  for (const Sums& channel : channels) {
    layer.count += channel.count;
    layer.clipping += channel.clipping;
    layer.rounding += channel.rounding;
  }
  const auto put = [&](const Quantity& quantity, const auto& value_of) {
    std::vector<double> values;
    for (const Sums& channel : channels) values.push_back(value_of(channel));
    frame.channel(tensor, quantity, node, std::span<const double>(values));
    frame.layer(tensor, quantity, node, value_of(layer));
  };
  put({.name = "clipping_error",
       .units = "1",
       .long_name = "mean squared error by clipping, of the quantizer alone",
       .formula = "(1/N) sum (z - q)^2 over z outside the levels"},
      [](const Sums& s) { return s.clipping / s.count; });
  put({.name = "rounding_error",
       .units = "1",
       .long_name = "mean squared error by rounding, of the quantizer alone",
       .formula = "(1/N) sum (z - q)^2 over z inside the levels"},
      [](const Sums& s) { return s.rounding / s.count; });
  put({.name = "quantizer_qmse",
       .units = "1",
       .long_name = "mean squared error of the quantizer alone",
       .formula = "mean (z - q)^2"},
      [](const Sums& s) { return s.clipping / s.count + s.rounding / s.count; });
}

void QuantizerErrors::save_saturation(Frame& frame, const std::string& tensor, int64_t node) const {
  std::vector<Counts> channels(static_cast<size_t>(channels_));
  Counts layer;
  const auto add = [](Counts& to, const Counts& from) {
    to.numbers += from.numbers;
    to.low += from.low;
    to.high += from.high;
    to.either += from.either;
  };
  for (const Worker& worker : workers_)
    for (size_t c = 0; c < worker.counts.size(); ++c) add(channels[c], worker.counts[c]);
  for (const Counts& channel : channels) add(layer, channel);
  const auto put = [&](const Quantity& quantity, uint64_t Counts::*part) {
    const auto share = [&](const Counts& counts) {
      return static_cast<double>(counts.*part) / static_cast<double>(counts.numbers);
    };
    std::vector<double> values;
    for (const Counts& channel : channels) values.push_back(share(channel));
    frame.channel(tensor, quantity, node, std::span<const double>(values));
    frame.layer(tensor, quantity, node, share(layer));
  };
  put({.name = "saturated_low", .units = "1", .long_name = "share of values on the lowest level"},
      &Counts::low);
  put({.name = "saturated_high", .units = "1", .long_name = "share of values on the highest level"},
      &Counts::high);
  put({.name = "saturation_rate",
       .units = "1",
       .long_name = "share of values on the lowest or highest level"},
      &Counts::either);
}

}  // namespace quantdyn
