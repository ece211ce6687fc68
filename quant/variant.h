// Variants: the quantized twins that an experiment asks for, as its YAML lists them.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "framework/options.h"
#include "quant/scheme.h"

namespace quantdyn {

/// Where activations can be quantized; a tap may be several (a block's output that feeds an add).
enum class Place { input, block_output, add_input, add_output, pool_output, logits };
inline constexpr int place_count = 6;

/// One quantized twin: what is quantized and how; biases stay float32.
struct Variant {
  std::string name;
  std::optional<Scheme> weights;      ///< none: weights stay float32
  std::optional<Scheme> activations;  ///< none: activations stay float32
  std::array<bool, place_count> quantizes_place{};
  int64_t calibration_images = 0;  ///< the first of a seeded shuffle; 0 where nothing is calibrated

  /// Whether activations are quantized at a tap that is all of `places`: if any of them is chosen.
  bool quantizes(std::initializer_list<Place> places) const;
};

/// Reads the entries of `variants:`, each
///
///     name: int8
///     weights: {estimator: minmax, quantizer: {name: affine, bit_width: 8, granularity:
///     per_channel}} activations: {estimator: {name: percentile, p: 99.99}, quantizer: affine,
///     places: {input: true}} calibration: {images: 512}
///
/// Throws ConfigError: names that repeat or cannot name a group of the file, neither `weights` nor
/// `activations`, `calibration` with nothing to calibrate, and whatever the plugins refuse.
std::vector<Variant> read_variants(std::span<const Options> entries);

}  // namespace quantdyn
