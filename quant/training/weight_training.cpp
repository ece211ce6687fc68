#include "quant/training/weight_training.h"

#include <algorithm>

#include "quant/schemes/quantize.h"

namespace quantdyn {

namespace {

std::vector<Distribution> needed_values(const Scheme& scheme, const Tensor<float>& weight) {
  if (!scheme.quantizer->needs_values()) return {};
  return exact_distributions(weight.view(), scheme.quantizer->granularity());
}

}  // namespace

WeightTraining::WeightTraining(std::shared_ptr<const Scheme> scheme, const std::string& tensor,
                               Learning learning, const Tensor<float>& weight)
    : range_(
          scheme, tensor, weight.shape().channels(), learning,
          estimated_ranges(*scheme, tensor, weight.view()),
          weight.elements() / scheme->quantizer->granularity().entries(weight.shape().channels()),
          needed_values(*scheme, weight)),
      code_changes_(range_.quantization(), weight.shape().rows(), weight.shape().channels()) {}

void WeightTraining::forward(const Tensor<float>& weight, Tensor<float>& effective) {
  if (range_.learning() == Learning::straight_through)
    range_.set(estimated_ranges(range_.scheme(), range_.tensor(), weight.view()),
               needed_values(range_.scheme(), weight));
  std::ranges::copy(weight.values(), effective.data());
  MutableTile tile = whole_tile(effective.view());
  tile.chunk = step_++;  // stochastic rounding draws anew
  range_.quantization().apply(tile);
  Tile before = tile;
  before.values = weight.data();
  code_changes_.add(range_.quantization(), before, effective.data());
}

void WeightTraining::backward(const Tensor<float>& weight, const Tensor<float>& effective,
                              Tensor<float>& gradient) {
  const int64_t channels = range_.channels();
  const bool is_learned = range_.learning() != Learning::straight_through;
  std::vector<double> sums(static_cast<size_t>(channels));
  for (int64_t i = 0; i < weight.elements(); ++i) {
    const int64_t c = i % channels;
    const bool is_inside = weight[i] >= range_.lowest()[c] && weight[i] <= range_.highest()[c];
    if (is_learned)
      sums[c] += static_cast<double>(gradient[i]) *
                 (static_cast<double>(effective[i]) - (is_inside ? weight[i] : 0));
    if (!is_inside) gradient[i] = 0;
  }
  if (is_learned) range_.add_gradient(sums);
}

void WeightTraining::visit_state(StateVisitor state) {
  state.visit("step", step_);
  range_.visit_state(state.group("range"));
  code_changes_.visit_state(state.group("code_changes"));
}

}  // namespace quantdyn
