// The schemes of every unit of a net: a variant's own, with its overrides applied.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "framework/graph/network.h"
#include "quant/schemes/scheme.h"

namespace quantdyn {

/// How one unit of the net is quantized; null: stays float32.
struct UnitSchemes {
  std::shared_ptr<const Scheme> weight, output;
};

/// Reads `weights`, `activations` and `overrides` of a variant's entry. `bit_width` sets the width
/// of the variant's own quantizers. The caller finishes the entry.
///
/// An override has `nodes`, `kinds` or both (select_units), and `weights`, `activations` or
/// `bit_width`. It lists only what differs; later overrides go on top of earlier ones. `quantizer:
/// none` leaves a tensor float32. ConfigError: schemes that a node cannot take, overrides that
/// change nothing.
std::vector<UnitSchemes> read_unit_schemes(const Options& entry, const Network& network,
                                           std::optional<int64_t> bit_width);

}  // namespace quantdyn
