#include "experiments/method/simulation_difference.h"

#include <algorithm>
#include <cmath>

#include "experiments/method/evaluation.h"

namespace quantdyn {
namespace {

constexpr int64_t most_images = 64;

int64_t largest_of(std::span<const float> logits) {
  return std::ranges::max_element(logits) - logits.begin();
}

}  // namespace

void save_simulation_difference(QuantizedTwin& twin, Fusing fusing, const ImageSet& probe,
                                Frame& frame) {
  if (twin.coded_units() == 0) return;
  ImageSet images = probe;
  images.indices.resize(std::min<size_t>(images.indices.size(), most_images));
  Evaluator in_floats(twin.network(), fusing, ConvolutionAlgorithm::direct, Keep::logits);
  for (int unit = 0; unit < static_cast<int>(twin.network().units().size()); ++unit)
    in_floats.tap(unit, TapKind::output).transform =
        twin.evaluator().tap(unit, TapKind::output).transform;
  const Tensor<float> coded = logits_of(twin.evaluator(), images);
  const Tensor<float> floats = logits_of(in_floats, images);
  double largest = 0;  // NaN stays
  int64_t agreeing = 0;
  const auto count = static_cast<int64_t>(images.indices.size());
  for (int64_t i = 0; i < count; ++i) {
    const auto a = coded.view().slice(i, 1).values(), b = floats.view().slice(i, 1).values();
    agreeing += largest_of(a) == largest_of(b) ? 1 : 0;
    for (size_t k = 0; k < a.size(); ++k) {
      const double gap = std::abs(double{a[k]} - double{b[k]});
      largest = gap <= largest ? largest : gap;
    }
  }
  frame.network({.name = "simulation_coded_units",
                 .units = "1",
                 .long_name = "units whose products are summed in codes"},
                twin.coded_units());
  frame.network({.name = "simulation_difference",
                 .units = "1",
                 .long_name = "largest difference of a logit from that with products of float32 "
                              "values, on the first probe images, at most 64",
                 .formula = "max |x - y|"},
                largest);
  frame.network({.name = "simulation_agreement",
                 .units = "1",
                 .long_name = "share of these images with the same largest logit either way"},
                static_cast<double>(agreeing) / static_cast<double>(count));
}

}  // namespace quantdyn
