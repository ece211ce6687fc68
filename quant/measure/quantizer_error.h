// What a quantizer alone does to the values that reach it: errors by clipping and by rounding.
#pragma once

#include <string>
#include <vector>

#include "framework/base/threads.h"
#include "framework/h5/frame.h"
#include "quant/quantizers/quantizer.h"

namespace quantdyn {

/// Values z ahead of a quantizer beside what it makes of them, q, by channel and layer:
///
///   clipping_error = (1/N) sum (z - q)^2 over z below the lowest or above the highest finite level
///   rounding_error = (1/N) sum (z - q)^2 over the other z
///   quantizer_qmse = clipping_error + rounding_error = mean (z - q)^2
/// N counts all values; a NaN makes all three NaN. saturated_low and saturated_high are the shares
/// of values that are quantized to the lowest and the highest level, NaN left out, those that lie
/// there without being clipped included: a relu's zeros are on code 0 and count; saturation_rate is
/// the share on either. The same bits for any number of workers.
class QuantizerErrors final : public Observer {
 public:
  /// The quantization outlives this.
  QuantizerErrors(const Quantization& quantization, int64_t channels, int workers);

  /// Of values ahead of the quantizer: the observer of a tap, before its transform.
  void add(const Tile& z) override;
  /// The same for weights that are rounded by other means than the quantizer's own.
  void add(const Tile& z, const Tile& q);
  void end_chunk(int64_t chunk, int worker) override;
  /// Call once, after everything was added.
  void save(Frame& frame, const std::string& tensor, int64_t node);

 private:
  struct Sums {
    double count = 0, clipping = 0, rounding = 0;
  };
  struct Counts {
    uint64_t numbers = 0, low = 0, high = 0, either = 0;  // values that are not NaN; on an end
  };
  struct alignas(64) Worker {
    std::vector<double> clipping, rounding;  // of the open chunk, by channel
    std::vector<int64_t> rows;
    std::vector<Counts> counts;
    std::vector<float> quantized;  // of one tile
    ChunkTree<std::vector<Sums>> tree;
  };
  static void merge(std::vector<Sums>& left, std::vector<Sums>&& right);
  void count(const Tile& q, std::vector<Counts>& counts) const;
  void save_errors(Frame& frame, const std::string& tensor, int64_t node);
  void save_saturation(Frame& frame, const std::string& tensor, int64_t node) const;

  const Quantization& quantization_;
  int64_t channels_;
  std::vector<float> lowest_, highest_;  // finite levels, by channel
  std::vector<Worker> workers_;
};

}  // namespace quantdyn
