// A folded net beside its quantized twin: repairs, calibration, weights, errors and statistics of
// one variant.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "experiments/method/calibration.h"
#include "experiments/method/evaluation.h"
#include "experiments/method/twin_errors.h"
#include "framework/h5/frame.h"
#include "quant/integer/integer_bias.h"
#include "quant/training/quantization_training.h"
#include "stats/tracking/statistic.h"

namespace quantdyn {

/// How a quantized net's products are summed.
enum class Simulation {
  integer,  ///< products of codes, wherever that is exact (CodeMultiplier)
  float32   ///< products of the values of codes, rounded at every step
};

/// One variant's net and the float net that it was made from.
class QuantizedTwin {
 public:
  QuantizedTwin(const QuantizedTwin&) = delete;  // its evaluator runs its net
  QuantizedTwin& operator=(const QuantizedTwin&) = delete;

  /// The float twin is a copy of `folded` after the variant's repairs, which record their effect in
  /// `report`. The variant must outlive this.
  QuantizedTwin(const FoldedNetwork& folded, const Variant& variant, Fusing fusing,
                Simulation simulation, Frame& report);

  /// Calibrates activations on float values, quantizes weights, then corrects biases or learns
  /// rounding and calibrates again, as the variant says. Scales that the variant has
  /// (Variant::given) are taken as they are; `trained` ranges, if given, replace those of the
  /// estimators. Random draws come from `rng`. `known` ranges are those of outputs of the folded
  /// net without repairs.
  void quantize(const ImageSet& calibration, const TrainedRanges& trained, const Rng& rng,
                Frame& report, const WorkNote& note, KnownRanges* known = nullptr);

  /// After quantize(): corrects the biases of these units alone, as `correct_bias: {}` does those
  /// of all.
  void correct_biases(const std::vector<int>& units, const ImageSet& calibration, Frame& report);

  Evaluator& evaluator() { return evaluator_; }
  /// An evaluator of network() as evaluator() is, but with memory for the logits alone: for many
  /// images. After quantize().
  Evaluator logits_evaluator() const;
  /// Lets an evaluator of network() sum products as this twin's does; returns the number of units
  /// that sum codes. After quantize().
  int give_codes(Evaluator& evaluator) const;
  /// Those of evaluator().
  int coded_units() const { return coded_units_; }
  /// The float twin: folded and repaired.
  const Network& float_network() const { return float_.network; }
  /// The quantized net; the `master` of its weights and biases is their value before quantization.
  const Network& network() const { return network_; }

  /// Runs probe images through the float twin and this net, chunk by chunk: writes the taps'
  /// statistics, the errors of every output (OutputErrors) and those of every weight into the
  /// frame.
  void track(const ImageSet& probe, const StatisticKinds& kinds, Frame& frame);

  /// The quantized tensors; weights with their codes.
  const QuantizedTensors& tensors() const { return tensors_; }
  /// How the ranges of outputs converged; empty unless the variant asks and estimators set them.
  const Convergence& convergence() const { return convergence_; }
  /// By unit; only where the variant's biases are int32.
  const std::map<int, IntegerBias>& biases() const { return biases_; }

 private:
  void quantize_outputs(const ImageSet& calibration, const TrainedRanges& trained,
                        const WorkNote& note, KnownRanges* known);
  void quantize_weights(const TrainedRanges& trained);
  void round_biases();
  /// The quantization of the input that the unit's weight multiplies.
  const Quantization& input_quantization(int unit) const;
  std::vector<double> least_weight_scales(int unit) const;

  const Variant& variant_;
  Fusing fusing_;
  Simulation simulation_;
  FoldedNetwork float_;
  Network network_;
  Evaluator evaluator_;
  QuantizedTensors tensors_;
  Convergence convergence_;
  std::map<int, IntegerBias> biases_;
  int coded_units_ = 0;
};

}  // namespace quantdyn
