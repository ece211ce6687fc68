#include "quant/repairs/dead_channels.h"

#include "quant/folding/linear_pairs.h"

namespace quantdyn {
namespace {

const Quantity dead_quantity{
    .name = "dead_channel",
    .units = "1",
    .long_name = "1 where the folded batch norm's running variance is under the limit"};

void zero_channel(Linear<float>& linear, int64_t channel, double beta) {
  Tensor<float>& weight = linear.weight->master;
  for (int64_t i = channel; i < weight.elements(); i += linear.out_channels) weight[i] = 0;
  linear.bias->master[channel] = static_cast<float>(beta);
}

}  // namespace

DeadChannels DeadChannels::read(const Options& section) {
  DeadChannels out{};
  out.variance =
      section.number("variance", 1e-8, accept::over(0.0),
                     "a channel is dead if its batch norm's running variance is under this");
  out.action = section.choice<Action>(
      "action", Action::zero, {{"zero", Action::zero}, {"report", Action::report}},
      "zero: weights 0, bias beta, which is almost its output; report: leave them");
  section.finish();
  return out;
}

void DeadChannels::apply(FoldedNetwork& net, Frame& report) const {
  for (int unit = 0; unit < static_cast<int>(net.norms.size()); ++unit) {
    FoldedNorm& norm = net.norms[unit];
    std::vector<double> dead;
    for (size_t c = 0; c < norm.variance.size(); ++c) {
      dead.push_back(norm.variance[c] < variance ? 1 : 0);
      if (dead.back() == 0 || action == Action::report) continue;
      zero_channel(linear_of(net.network, unit), static_cast<int64_t>(c), norm.beta[c]);
      norm.gamma[c] = 0;
    }
    if (!dead.empty())
      report.channel("repairs", dead_quantity, unit, std::span<const double>(dead));
  }
}

}  // namespace quantdyn
