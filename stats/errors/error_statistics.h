// The error of quantized values beside the float ones, layerwise and channelwise: QMSE, SQNR,
// cosine, and how mean and variance moved.
#pragma once

#include <string>
#include <vector>

#include "framework/base/tensor.h"
#include "framework/base/threads.h"
#include "framework/graph/tap.h"
#include "framework/h5/frame.h"

namespace quantdyn {

/// 10 log10(signal / error) dB: +infinity at zero error, -infinity if only the error is not
/// zero.
double signal_to_noise(double signal, double error);

/// Compares one tap's float values x with their quantized twins q, the same bits for any number of
/// workers and any batch that is a multiple of 8 images.
///
///   QMSE = mean (x - q)^2,   SQNR = 10 log10(sum x^2 / sum (x - q)^2) dB   (stats/README.md)
///   cosine = sum x q / sqrt(sum x^2 sum q^2), exactly 1 where x = q; NaN if either is all zero
///   mean shift = mean (q - x),   variance shift = var q - var x, both var with 1 / N
/// Means and variances are compared by differences, since a dead channel has no ratios. The
/// variance shift is (sum q^2 - sum x^2) / N - mean_shift (mean q + mean x): exactly 0 where x = q,
/// with rounding errors of about 1e-15 mean x^2. A NaN or infinity in x or q makes them NaN or
/// infinite: nothing is left out.
class ErrorStatistics final : public PairObserver {
 public:
  ErrorStatistics(int64_t channels, int workers);

  /// Thread-safe for tiles of different workers. Throws Error if the tiles' sizes differ.
  void add(const Tile& reference, const Tile& tile) override;
  void end_chunk(int64_t chunk, int worker) override;
  /// Writes <prefix>_qmse, _sqnr, _cosine, _mean_shift and _variance_shift of a node, layerwise and
  /// channelwise; prefix is "local", "accumulated", ... NaN if the tap showed nothing. Call
  /// once, after everything was added.
  void save(Frame& frame, const std::string& tensor, int64_t node, const std::string& prefix);

 private:
  struct Sums {
    double count = 0, difference = 0, error = 0, value = 0, signal = 0, product = 0, twin = 0;

    void add(const Sums& other);
    double qmse() const { return error / count; }
    double sqnr() const;
    double cosine() const;
    double mean_shift() const { return difference / count; }
    double variance_shift() const;
  };
  /// Sums of the open chunk, by channel, one after the other: see PairSums.
  static constexpr int64_t sums_per_channel = 6;
  struct alignas(64) Worker {
    Tensor<double> sums;  // [sums_per_channel, padded channels]
    std::vector<int64_t> rows;
    ChunkTree<std::vector<Sums>> tree;
  };
  static void merge(std::vector<Sums>& left, std::vector<Sums>&& right);
  std::vector<Sums> finish();

  int64_t channels_;
  std::vector<Worker> workers_;
};

/// Writes added_qmse = accumulated_qmse - propagated_qmse of a node's tensor, layerwise and
/// channelwise: what quantizing the node itself adds to the errors that reach it; negative where
/// its errors cancel some of those. Both must be in the frame.
void save_added_error(Frame& frame, const std::string& tensor, int64_t node);

}  // namespace quantdyn
