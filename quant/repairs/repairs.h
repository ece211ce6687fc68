// The steps that repair a net before and after it is quantized, as a variant's `repairs:` asks for
// them.
#pragma once

#include <optional>

#include "quant/repairs/absorption.h"
#include "quant/repairs/adaround.h"
#include "quant/repairs/bias_correction.h"
#include "quant/repairs/dead_channels.h"
#include "quant/repairs/equalization.h"

namespace quantdyn {

/// In the order in which they act: the first three on the folded float net, then activations are
/// calibrated and weights quantized, then the others.
struct Repairs {
  std::optional<DeadChannels> dead_channels;
  std::optional<Equalization> equalization;
  std::optional<Absorption> absorption;
  std::optional<BiasCorrection> bias_correction;
  std::optional<AdaRound> adaround;
  bool recalibrate = false;    ///< calibrates again, on the net with quantized weights
  int64_t compare_images = 0;  ///< that tell what the repairs gained; 0: none

  /// Reads the section, whose keys switch steps on, and calls finish(). ConfigError if a step
  /// cannot run on this net, or two exclude each other.
  static Repairs read(const Options& section, const Network& network);

  /// Whether any step is switched on.
  bool any() const {
    return dead_channels || equalization || absorption || bias_correction || adaround ||
           recalibrate;
  }
  /// Repairs the float net: dead channels, equalization, absorption.
  void apply(FoldedNetwork& net, Frame& report) const;
};

}  // namespace quantdyn
