// Variants: the quantized twins that an experiment's YAML lists.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "quant/repairs/repairs.h"
#include "quant/variants/calibration_choice.h"
#include "quant/variants/given_scales.h"
#include "quant/variants/unit_schemes.h"

namespace quantdyn {

/// One quantized twin of a net: what is quantized, how, and what is repaired.
struct Variant {
  /// int32: at the scale of the products, s_input s_weight, as integer arithmetic adds it.
  enum class Bias { float32, int32 };

  std::string name;
  std::vector<UnitSchemes> units;  ///< by unit of the net
  bool fold = true;                ///< batch norms into weights, before quantization
  Bias bias = Bias::float32;
  /// With `from`: the scales of all tensors that are quantized; empty: estimators choose ranges.
  std::map<TensorId, GivenScale> given;
  CalibrationChoice calibration;
  Repairs repairs;
  int64_t sensitivity_images = 0;  ///< test images of the sensitivity table; 0: no table
  int64_t integer_images = 0;      ///< test images that also run in integers; 0: none

  /// The unit whose quantized output a unit reads, perhaps through units that pass codes on
  /// unchanged (max pool, flatten, and a clip after them); -1: its input is not quantized.
  int quantized_source(const Network& network, int unit) const;
  bool quantizes_weights() const;
  bool quantizes_activations() const;
};

/// The images of the dataset.
struct ImageCounts {
  int64_t training, test;
};

/// Reads the entries of `variants:` for a net, folded or not:
///
///     - name: int8
///       weights: {estimator: minmax, quantizer: {name: affine, granularity: per_channel}}
///       activations:
///         estimator: {name: percentile, p: 99.99}
///         quantizer: affine
///         places: {input: false}
///       overrides:                      # later ones win; keys they do not set stay
///         - {nodes: [first, last], bit_width: 16}
///         - {kinds: depthwise, weights: {quantizer: {granularity: per_channel}}}
///         - {nodes: "res*", weights: {quantizer: none}}
///       fold: true                      # false: batch norms stay, after quantized weights
///       bit_widths: [8, 6, 4]           # one variant each: int8-8, int8-6, int8-4
///       bias: int32
///       calibration: {images: 512, choice: balanced, convergence: [8, 64, 512]}
///       repairs: {equalize: {}, correct_bias: {}}
///       sensitivity: {images: 512}
///       integer_check: {images: 64}     # needs bias: int32 and every output quantized
///     - {name: theirs, from: model_qdq.onnx}  # scales, zero points and int32 biases of a file
///
/// `read_given` reads what `from` names; without it `from` is refused. Beside `from` stand only
/// `sensitivity` and `integer_check`.
///
/// Throws ConfigError: names that repeat or cannot be names of HDF5 groups, nothing quantized,
/// `calibration` with nothing to calibrate or more images than the set has, schemes that a node
/// cannot take, overrides that change nothing, repairs that the net does not allow, and whatever
/// the plugins refuse.
std::vector<Variant> read_variants(std::span<const Options> entries, const Network& network,
                                   const ImageCounts& counts,
                                   const GivenScalesReader& read_given = {});

}  // namespace quantdyn
