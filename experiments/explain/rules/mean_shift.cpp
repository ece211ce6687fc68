// Mean shift: quantized weights move the mean of channels, which a bias can take back.
#include <cmath>

#include "experiments/explain/rule.h"
#include "framework/base/error.h"

namespace quantdyn {
namespace {

double squares(const std::vector<double>& values) {
  double out = 0;
  for (double v : values) out += v * v;
  return out;
}

double sum(const std::vector<double>& values) {
  double out = 0;
  for (double v : values) out += v;
  return out;
}

std::vector<Finding> find(const RuleInput& input) {
  const LayerFacts& layer = input.facts();
  if (!layer.weight.is_quantized()) return {};
  const double share =
      squares(layer.channel("output/local_mean_shift")) / sum(layer.channel("output/local_qmse"));
  const double threshold = input.thresholds.of("mean_shift");
  if (!(share >= threshold)) return {};
  const double signal =
      squares(layer.channel("float:output/mean")) + sum(layer.channel("float:output/variance"));
  const double mssr = std::sqrt(squares(layer.channel("output/accumulated_mean_shift")) / signal);
  Finding out{"mean shift", share, threshold, ""};
  out.sentence = fmt::format(
      "{:.0f} % of the layer's own squared error is a constant shift of its channels' means",
      100 * share);
  out.sentence += std::isfinite(mssr)
                      ? fmt::format(
                            "; the shift that has built up to here is {:.3f} of the signal "
                            "(MSSR).",
                            mssr)
                      : ".";
  out.remedy = {Remedy::Kind::bias, "", "repairs: {correct_bias: {}}"};
  out.removes = std::min(share, 1.0);
  out.removes_of_all = std::min(squares(layer.channel("output/accumulated_mean_shift")) /
                                    sum(layer.channel("output/accumulated_qmse")),
                                1.0);
  return {out};
}

}  // namespace

Rule mean_shift_rule() {
  return {"mean shift",
          "mean_shift",
          "sum_c shift_c^2 / sum_c qmse_c, local; beside it MSSR = sqrt(sum_c shift_c^2 / sum_c "
          "E[x_c^2]), accumulated",
          {"output/local_mean_shift", "output/local_qmse"},
          find};
}

}  // namespace quantdyn
