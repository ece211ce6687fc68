// What estimators ask of a quantizer before they choose its ranges.
#pragma once

#include "quant/quantizers/quantizer.h"

namespace quantdyn {

/// Whether its levels span zero for every range.
bool always_holds_zero(const Quantizer& quantizer);
/// Whether it spans as much below zero as above.
bool is_symmetric(const Quantizer& quantizer);
/// Whether none of its levels is below zero if the range is not.
bool has_one_sided_levels(const Quantizer& quantizer);

}  // namespace quantdyn
