#include "quant/quantizers/quantizer.h"

#include <algorithm>
#include <cmath>

namespace quantdyn {

std::optional<CodeGrid> Quantization::grid() const {
  const std::optional<AffineParameters> parameters = affine(0);
  if (entries_ > 1 || !parameters || bit_width() > 8) return {};
  const auto [lowest, highest] = given_codes(0);
  return CodeGrid{parameters->scale, parameters->zero_point, lowest, highest};
}

std::pair<int32_t, int32_t> Quantization::given_codes(int64_t entry) const {
  const std::vector<float> values = levels(entry);
  const auto is_given = [](float level) { return !std::isnan(level); };
  const auto first = std::ranges::find_if(values, is_given) - values.begin();
  const auto past = std::find_if(values.rbegin(), values.rend(), is_given).base() - values.begin();
  return {first_code() + static_cast<int32_t>(first),
          first_code() + static_cast<int32_t>(past) - 1};
}

}  // namespace quantdyn
