#include "stats/error.h"

#include <algorithm>
#include <cmath>

#include "framework/error.h"
#include "stats/kernels.h"
#include "stats/statistic.h"

namespace quantdyn {

double signal_to_noise(double signal, double error) {
  if (error == 0 && !std::isnan(signal)) return HUGE_VAL;
  return 10 * std::log10(signal / error);
}

double ErrorStatistics::Sums::sqnr() const {
  return count == 0 ? NAN : signal_to_noise(signal, error);
}

ErrorStatistics::ErrorStatistics(int64_t channels, int workers)
    : channels_(channels), workers_(static_cast<size_t>(workers)) {}

void ErrorStatistics::add(const Tile& reference, const Tile& tile) {
  if (reference.rows != tile.rows || reference.channels != tile.channels)
    fail("error statistics: a tile of {} x {} values beside one of {} x {}; they must be equal",
         reference.rows, reference.channels, tile.rows, tile.channels);
  Worker& mine = workers_[static_cast<size_t>(tile.worker)];
  if (mine.rows.empty()) {
    mine.error = mine.signal = Tensor<double>(padded_channels(channels_));
    mine.rows.resize(static_cast<size_t>(channels_));
  }
  const int64_t first = tile.first_channel;
  kernels::add_errors(reference, tile, mine.error.data() + first, mine.signal.data() + first);
  for (int64_t c = first; c < first + tile.channels; ++c) mine.rows[c] += tile.rows;
}

void ErrorStatistics::end_chunk(int64_t chunk, int worker) {
  Worker& mine = workers_[static_cast<size_t>(worker)];
  if (mine.rows.empty()) return;
  std::vector<Sums> sums(static_cast<size_t>(channels_));
  for (int64_t c = 0; c < channels_; ++c)
    sums[c] = {static_cast<double>(mine.rows[c]), mine.error[c], mine.signal[c]};
  mine.tree.add(chunk, std::move(sums), merge);
  mine.error.fill(0);
  mine.signal.fill(0);
  std::ranges::fill(mine.rows, 0);
}

void ErrorStatistics::merge(std::vector<Sums>& left, std::vector<Sums>&& right) {
  for (size_t c = 0; c < left.size(); ++c) {
    left[c].count += right[c].count;
    left[c].error += right[c].error;
    left[c].signal += right[c].signal;
  }
}

std::vector<ErrorStatistics::Sums> ErrorStatistics::finish() {
  auto& tree = workers_.front().tree;
  for (size_t worker = 1; worker < workers_.size(); ++worker)
    tree.absorb(std::move(workers_[worker].tree), merge);
  return tree.empty() ? std::vector<Sums>(static_cast<size_t>(channels_)) : tree.finish(merge);
}

void ErrorStatistics::save(Frame& frame, const std::string& tensor, int64_t node,
                           const std::string& prefix) {
  const Quantity qmse_quantity{prefix + "_qmse", "1",
                               prefix + " mean squared error of the quantized values",
                               "mean (x - q)^2", ""};
  const Quantity sqnr_quantity{prefix + "_sqnr", "dB",
                               prefix + " signal-to-quantization-noise ratio",
                               "10 log10(sum x^2 / sum (x - q)^2)", ""};
  Sums layer;
  std::vector<double> qmse, sqnr;
  for (const Sums& channel : finish()) {
    layer.count += channel.count;
    layer.error += channel.error;
    layer.signal += channel.signal;
    qmse.push_back(channel.qmse());
    sqnr.push_back(channel.sqnr());
  }
  frame.channel(tensor, qmse_quantity, node, std::span<const double>(qmse));
  frame.channel(tensor, sqnr_quantity, node, std::span<const double>(sqnr));
  frame.layer(tensor, qmse_quantity, node, layer.qmse());
  frame.layer(tensor, sqnr_quantity, node, layer.sqnr());
}

}  // namespace quantdyn
