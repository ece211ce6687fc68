#include "stats/errors/error_statistics.h"

#include <algorithm>
#include <cmath>

#include "framework/base/error.h"
#include "stats/kernels/kernels_pairs.h"
#include "stats/tracking/statistic.h"

namespace quantdyn {

double signal_to_noise(double signal, double error) {
  if (error == 0 && !std::isnan(signal)) return HUGE_VAL;
  return 10 * std::log10(signal / error);
}

void ErrorStatistics::Sums::add(const Sums& other) {
  count += other.count;
  difference += other.difference;
  error += other.error;
  value += other.value;
  signal += other.signal;
  product += other.product;
  twin += other.twin;
}

double ErrorStatistics::Sums::sqnr() const {
  return count == 0 ? NAN : signal_to_noise(signal, error);
}

double ErrorStatistics::Sums::cosine() const {
  if (signal == twin) return product / signal;
  return product / (std::sqrt(signal) * std::sqrt(twin));
}

double ErrorStatistics::Sums::variance_shift() const {
  const double shift = mean_shift(), mean = value / count;
  return (twin - signal) / count - shift * (2 * mean + shift);
}

ErrorStatistics::ErrorStatistics(int64_t channels, int workers)
    : channels_(channels), workers_(static_cast<size_t>(workers)) {}

void ErrorStatistics::add(const Tile& reference, const Tile& tile) {
  if (reference.rows != tile.rows || reference.channels != tile.channels)
    throw_error(
        "error statistics: a tile of {} x {} values beside one of {} x {}; they must be equal",
        reference.rows, reference.channels, tile.rows, tile.channels);
  Worker& mine = workers_[static_cast<size_t>(tile.worker)];
  const int64_t padded = padded_channels(channels_).elements();
  if (mine.rows.empty()) {
    mine.sums = Tensor<double>(Shape{sums_per_channel, padded});
    mine.rows.resize(static_cast<size_t>(channels_));
  }
  const int64_t first = tile.first_channel;
  double* const sums = mine.sums.data() + first;
  kernels::add_errors(reference, tile,
                      {sums, sums + padded, sums + 2 * padded, sums + 3 * padded, sums + 4 * padded,
                       sums + 5 * padded});
  for (int64_t c = first; c < first + tile.channels; ++c) mine.rows[c] += tile.rows;
}

void ErrorStatistics::end_chunk(int64_t chunk, int worker) {
  Worker& mine = workers_[static_cast<size_t>(worker)];
  if (mine.rows.empty()) return;
  const int64_t padded = padded_channels(channels_).elements();
  std::vector<Sums> sums(static_cast<size_t>(channels_));
  for (int64_t c = 0; c < channels_; ++c) {
    const double* const s = mine.sums.data() + c;
    sums[c] = {static_cast<double>(mine.rows[c]),
               s[0],
               s[padded],
               s[2 * padded],
               s[3 * padded],
               s[4 * padded],
               s[5 * padded]};
  }
  mine.tree.add(chunk, std::move(sums), merge);
  mine.sums.fill(0);
  std::ranges::fill(mine.rows, 0);
}

void ErrorStatistics::merge(std::vector<Sums>& left, std::vector<Sums>&& right) {
  for (size_t c = 0; c < left.size(); ++c) left[c].add(right[c]);
}

std::vector<ErrorStatistics::Sums> ErrorStatistics::finish() {
  auto& tree = workers_.front().tree;
  for (size_t worker = 1; worker < workers_.size(); ++worker)
    tree.absorb(std::move(workers_[worker].tree), merge);
  return tree.empty() ? std::vector<Sums>(static_cast<size_t>(channels_)) : tree.finish(merge);
}

void ErrorStatistics::save(Frame& frame, const std::string& tensor, int64_t node,
                           const std::string& prefix) {
  const std::vector<Sums> channels = finish();
  Sums layer;
  for (const Sums& channel : channels) layer.add(channel);
  const auto put = [&](const std::string& name, const std::string& units,
                       const std::string& long_name, const std::string& formula,
                       const auto& value_of) {
    const Quantity quantity{.name = prefix + "_" + name,
                            .units = units,
                            .long_name = prefix + " " + long_name,
                            .formula = formula};
    std::vector<double> values;
    for (const Sums& channel : channels) values.push_back(value_of(channel));
    frame.channel(tensor, quantity, node, std::span<const double>(values));
    frame.layer(tensor, quantity, node, value_of(layer));
  };
  put("qmse", "1", "mean squared error of the quantized values", "mean (x - q)^2",
      [](const Sums& s) { return s.qmse(); });
  put("sqnr", "dB", "signal-to-quantization-noise ratio", "10 log10(sum x^2 / sum (x - q)^2)",
      [](const Sums& s) { return s.sqnr(); });
  put("cosine", "1", "cosine similarity of float and quantized values",
      "sum x q / sqrt(sum x^2 sum q^2)", [](const Sums& s) { return s.cosine(); });
  put("mean_shift", "1", "shift of the mean by quantization", "mean q - mean x",
      [](const Sums& s) { return s.mean_shift(); });
  put("variance_shift", "1", "shift of the variance by quantization", "var q - var x",
      [](const Sums& s) { return s.variance_shift(); });
}

void save_added_error(Frame& frame, const std::string& tensor, int64_t node) {
  const Quantity quantity{
      .name = "added_qmse",
      .units = "1",
      .long_name = "mean squared error that quantizing this node adds to what reaches it",
      .formula = "accumulated_qmse - propagated_qmse"};
  const auto accumulated = frame.channel_values<double>(tensor, "accumulated_qmse", node);
  const auto propagated = frame.channel_values<double>(tensor, "propagated_qmse", node);
  std::vector<double> added;
  for (size_t c = 0; c < accumulated.size(); ++c) added.push_back(accumulated[c] - propagated[c]);
  const double layer = frame.layer_values<double>(tensor, "accumulated_qmse", node)[0] -
                       frame.layer_values<double>(tensor, "propagated_qmse", node)[0];
  frame.channel(tensor, quantity, node, std::span<const double>(added));
  frame.layer(tensor, quantity, node, layer);
}

}  // namespace quantdyn
