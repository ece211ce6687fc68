#include "experiments/run/computing.h"

namespace quantdyn {

Computing Computing::read(const Options& section) {
  Computing out{};
  const bool fuse = section.flag(
      "fuse", true, "chains of primitives in fused kernels; false: the reference primitives");
  out.fusing = fuse ? Fusing::fused : Fusing::unfused;
  out.algorithm = section.choice<ConvolutionAlgorithm>(
      "algorithm", ConvolutionAlgorithm::automatic,
      {{"auto", ConvolutionAlgorithm::automatic},
       {"direct", ConvolutionAlgorithm::direct},
       {"winograd", ConvolutionAlgorithm::winograd}},
      "of convolutions in training; tracked or quantized nets always use direct");
  out.simulation = section.choice<Simulation>(
      "simulation", fuse ? Simulation::integer : Simulation::float32,
      {{"integer", Simulation::integer}, {"float", Simulation::float32}},
      "how quantized nets sum products: of codes, which is exact, or of values in float32");
  if (!fuse && out.simulation == Simulation::integer)
    section.refuse("simulation",
                   "only fused kernels sum products of codes; expected compute.fuse: true");
  section.finish();
  return out;
}

}  // namespace quantdyn
