#include "quant/quantizers/quantizer_traits.h"

#include <algorithm>

namespace quantdyn {

bool always_holds_zero(const Quantizer& quantizer) { return quantizer.width({1, 2}) > 1; }

bool is_symmetric(const Quantizer& quantizer) {
  return quantizer.width({0, 1}) == quantizer.width({-1, 1});
}

bool has_one_sided_levels(const Quantizer& quantizer) {
  const auto fitted = quantizer.fit({"levels", 1, {{0, 1}}, {{{0, 1}, {1, 1}}}});
  return std::ranges::none_of(fitted->levels(0), [](float level) { return level < 0; });
}

}  // namespace quantdyn
