#include "experiments/method/scales.h"

#include "stats/distances/channel_distances.h"
#include "stats/scales/batch_norm.h"
#include "stats/scales/ranges.h"

namespace quantdyn {
namespace {

NodeInputs inputs_of(const Network& network) {
  NodeInputs out;
  for (const Unit& unit : network.units()) {
    out.emplace_back();
    for (int input : network.nodes()[unit.leader].inputs)
      out.back().push_back(network.nodes()[input].unit);
  }
  return out;
}

void save_channel_scales(Frame& frame, const std::string& tensor) {
  save_channel_distances(frame, tensor);
  save_range_spreads(frame, tensor);
}

void save_norms(const Network& network, Frame& frame) {
  for (int64_t unit = 0; unit < static_cast<int64_t>(network.units().size()); ++unit) {
    const int norm = network.units()[unit].norm;
    if (norm < 0 || network.layer(norm) == nullptr) continue;
    const ChannelAffine<float>& role = *network.layer(norm)->channel_affine();
    const auto values = [](const Parameter<float>& parameter) -> std::span<const float> {
      return parameter.master.values();
    };
    const NormParameters parameters{.gamma = values(*role.gamma),
                                    .beta = values(*role.beta),
                                    .mean = values(*role.mean),
                                    .variance = values(*role.variance),
                                    .epsilon = role.epsilon};
    save_norm_parameters(parameters, frame, unit);
    save_norm_shift(parameters, frame, unit);
    save_folding_ranges(frame, unit);
  }
}

}  // namespace

void save_float_scales(const Network& network, Frame& frame) {
  for (const char* tensor : {"weight", "folded_weight", "norm", "output"})
    save_channel_scales(frame, tensor);
  for (const char* tensor : {"weight", "folded_weight", "output"})
    save_depth_ranges(frame, tensor, inputs_of(network));
  save_norms(network, frame);
}

void save_variant_scales(const Network& network, Frame& frame) {
  for (const char* tensor : {"folded_weight", "output"}) {
    save_channel_scales(frame, tensor);
    save_depth_ranges(frame, tensor, inputs_of(network));
  }
}

}  // namespace quantdyn
