// A folded net beside its quantized twin: calibration, weights, errors and statistics of one
// variant.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <vector>

#include "experiments/evaluation.h"
#include "framework/frame.h"
#include "quant/quantize.h"
#include "quant/variant.h"
#include "stats/statistic.h"

namespace quantdyn {

/// ConfigError where a batch norm does not alone read a convolution or a dense layer.
void check_foldable(const Network& network);
/// A copy of the net with every batch norm folded into the convolution or dense layer before it.
/// ConfigError as check_foldable(); Error where folded values leave float32's range.
Network fold_network(const Network& trained);

/// Images by index, of one split, as the net reads them.
struct ImageSet {
  const Dataset* dataset;
  const Standardization* standardization;
  std::vector<int64_t> indices;
};

/// One variant's net. Quantized are the weights of all linear layers and the outputs that the
/// variant chose.
class QuantizedTwin {
 public:
  /// `folded` is the float twin; both references must outlive this.
  QuantizedTwin(const Network& folded, const Variant& variant, Fusing fusing);

  /// Calibrates the activations' ranges on float values, then quantizes weights and activations.
  void quantize(const ImageSet& calibration);

  Evaluator& evaluator() { return evaluator_; }
  const Network& network() const { return network_; }

  /// Runs probe images through the float twin and this net, chunk by chunk: writes the taps'
  /// statistics and the accumulated and local errors of every output (DESIGN section 5) into the
  /// frame.
  void track(const ImageSet& probe, const StatisticKinds& kinds, Frame& frame);

  /// What was quantized, by (unit, tensor): "weight" with its codes, "output".
  const std::map<std::pair<int, std::string>, QuantizedTensor>& tensors() const { return tensors_; }

 private:
  bool quantizes_output(int unit) const;
  void calibrate(const ImageSet& images);
  void quantize_weights();

  const Network& folded_;
  const Variant& variant_;
  Fusing fusing_;
  Network network_;
  Evaluator evaluator_;
  std::map<std::pair<int, std::string>, QuantizedTensor> tensors_;
};

}  // namespace quantdyn
