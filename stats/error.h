// The error of quantized values beside the float ones: QMSE and SQNR, layerwise and channelwise.
#pragma once

#include <string>
#include <vector>

#include "framework/frame.h"
#include "framework/tap.h"
#include "framework/tensor.h"
#include "framework/threads.h"

namespace quantdyn {

/// 10 log10(signal / error) dB: +infinity at zero error, -infinity where only the error is not
/// zero.
double signal_to_noise(double signal, double error);

/// Compares one tap's float values x with their quantized twins q, the same bits for any number of
/// workers and any batch that is a multiple of 8 images.
///
///   QMSE = mean (x - q)^2,   SQNR = 10 log10(sum x^2 / sum (x - q)^2) dB   (DESIGN section 5)
/// A NaN or infinity in x or q makes them NaN or infinite: nothing is left out.
class ErrorStatistics final : public PairObserver {
 public:
  ErrorStatistics(int64_t channels, int workers);

  /// Thread-safe for tiles of different workers. Throws Error where the tiles' sizes differ.
  void add(const Tile& reference, const Tile& tile) override;
  void end_chunk(int64_t chunk, int worker) override;
  /// Writes <prefix>_qmse and <prefix>_sqnr of a node, layerwise and channelwise; prefix is
  /// "local", "accumulated", ... A tap that showed nothing has NaN. Once, and nothing is added
  /// afterwards.
  void save(Frame& frame, const std::string& tensor, int64_t node, const std::string& prefix);

 private:
  struct Sums {
    double count = 0, error = 0, signal = 0;

    double qmse() const { return error / count; }
    double sqnr() const;
  };
  struct alignas(64) Worker {
    Tensor<double> error, signal;  // of the open chunk, by channel
    std::vector<int64_t> rows;
    ChunkTree<std::vector<Sums>> tree;
  };
  static void merge(std::vector<Sums>& left, std::vector<Sums>&& right);
  std::vector<Sums> finish();

  int64_t channels_;
  std::vector<Worker> workers_;
};

}  // namespace quantdyn
