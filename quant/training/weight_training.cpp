#include "quant/training/weight_training.h"

#include <algorithm>

#include "framework/base/threads.h"
#include "quant/kernels/gradient_passing.h"
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
  Tile before = whole_tile(weight.view());
  before.chunk = step_++;  // stochastic rounding draws anew
  const int64_t channels = before.channels, most = rows_per_tile(channels);
  parallel_for((before.rows + most - 1) / most, [&](int64_t index, int worker) {
    Tile tile = before;
    tile.first_row = index * most;
    tile.rows = std::min(most, before.rows - tile.first_row);
    tile.values += tile.first_row * channels;
    tile.worker = worker;
    range_.quantize(tile, effective.data() + tile.first_row * channels);
  });
  code_changes_.add(range_.quantization(), before, effective.data());
}

void WeightTraining::backward(const Tensor<float>& weight, const Tensor<float>& effective,
                              Tensor<float>& gradient) {
  const int64_t channels = range_.channels(), rows = weight.elements() / channels;
  std::vector<double> sums(static_cast<size_t>(channels));
  constexpr int64_t block = 64, rows_at_once = 32;  // of all three arrays: 24 KB
  parallel_for((channels + block - 1) / block, [&](int64_t index, int) {
    const int64_t c = index * block;
    for (int64_t row = 0; row < rows; row += rows_at_once) {
      const int64_t at = row * channels + c;
      pass_gradient({.values = weight.data() + at,
                     .quantized = effective.data() + at,
                     .dy = gradient.data() + at,
                     .rows = std::min(rows_at_once, rows - row),
                     .channels = std::min(block, channels - c),
                     .row_stride = channels,
                     .lowest = range_.lowest().data() + c,
                     .highest = range_.highest().data() + c},
                    sums_of(range_.learning()), gradient.data() + at, Accumulate::no,
                    sums.data() + c);
    }
  });
  if (range_.learning() != Learning::straight_through) range_.add_gradient(sums);
}

void WeightTraining::visit_state(StateVisitor state) {
  state.visit("step", step_);
  range_.visit_state(state.group("range"));
  code_changes_.visit_state(state.group("code_changes"));
}

}  // namespace quantdyn
