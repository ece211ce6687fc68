#include "quant/repairs/repairs.h"

#include <algorithm>

namespace quantdyn {
namespace {

bool has_norm(const Network& network) {
  return std::ranges::any_of(network.units(), [](const Unit& unit) { return unit.norm >= 0; });
}

}  // namespace

Repairs Repairs::read(const Options& section, const Network& network) {
  Repairs out;
  const std::string finds_dead = "find channels whose batch norm saw no variance";
  const auto equalize =
      section.section_if("equalize", "make channel ranges of consecutive layers equal");
  if (equalize)  // which dead channels would lead astray
    out.dead_channels = DeadChannels::read(section.section("dead_channels", finds_dead));
  else if (const auto o = section.section_if("dead_channels", finds_dead))
    out.dead_channels = DeadChannels::read(*o);
  // With equalize it is a default, which a resolved experiment has written out.
  if (!equalize && out.dead_channels && !has_norm(network))
    section.refuse(
        "dead_channels",
        "the net has no batch norm, whose running variances tell which channels are dead");
  if (equalize) {
    out.equalization = Equalization::read(*equalize, network);
    out.equalization->dead_variance = out.dead_channels->variance;
  }
  if (const auto o = section.section_if("absorb", "move high biases into the next layer"))
    out.absorption = Absorption::read(*o, network, out.equalization ? &*out.equalization : nullptr);
  if (const auto o = section.section_if(
          "correct_bias", "subtract the shift caused by quantized weights from biases"))
    out.bias_correction = BiasCorrection::read(*o, network);
  if (const auto o = section.section_if("adaround", "learn which way each weight is rounded"))
    out.adaround = AdaRound::read(*o);
  out.recalibrate =
      section.flag("recalibrate", false, "calibrate activations again, with quantized weights");
  out.compare_images = section.integer(
      "compare_images", 64, accept::at_least<int64_t>(0),
      "probe images on which the logits with and without the repairs are compared with the float "
      "net's, after a calibration without repairs on as many images; 0: no such comparison");
  if (!out.any()) section.leave_out("compare_images", "needs a repair");
  section.finish();
  if (out.bias_correction && out.adaround)
    section.refuse("correct_bias",
                   "adaround repairs what bias correction would; accepted: one of the two");
  return out;
}

void Repairs::apply(FoldedNetwork& net, Frame& report) const {
  if (dead_channels) dead_channels->apply(net, report);
  if (equalization) equalization->apply(net, report);
  if (absorption) absorption->apply(net, report);
}

}  // namespace quantdyn
