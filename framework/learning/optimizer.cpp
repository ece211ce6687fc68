#include "framework/learning/optimizer.h"

#include <algorithm>
#include <cassert>
#include <functional>

#include "framework/base/threads.h"

namespace quantdyn {
namespace {

/// Calls work(index, first, end) for pieces of all parameters, on all workers: nets keep most of
/// their weights in a few layers.
void for_pieces(std::span<Parameter<float>* const> parameters,
                const std::function<void(size_t index, int64_t first, int64_t end)>& work) {
  constexpr int64_t piece = 16 * 1024;
  int64_t pieces = 0;
  for (const Parameter<float>* parameter : parameters)
    pieces += (parameter->master.elements() + piece - 1) / piece;
  parallel_for(pieces, [&](int64_t at, int) {
    size_t index = 0;
    for (int64_t own = 0;; ++index, at -= own) {
      own = (parameters[index]->master.elements() + piece - 1) / piece;
      if (at < own) break;
    }
    work(index, at * piece, std::min((at + 1) * piece, parameters[index]->master.elements()));
  });
}

}  // namespace

void Optimizer::step(std::span<Parameter<float>* const> parameters, double learning_rate) {
  assert(states_.size() <= states_each_ * parameters.size());
  make_states(parameters);
  begin_step();
  for_pieces(parameters, [&](size_t index, int64_t first, int64_t end) {
    if (parameters[index]->trained) update(index, *parameters[index], learning_rate, first, end);
  });
}

/// Of those parameters that have none yet.
void Optimizer::make_states(std::span<Parameter<float>* const> parameters) {
  if (states_each_ == 0) return;
  for (const Parameter<float>* parameter : parameters.subspan(states_.size() / states_each_))
    for (size_t i = 0; i < states_each_; ++i)
      states_.emplace_back(parameter->trained ? parameter->master.shape() : Shape{0});
}

void Optimizer::visit_state(StateVisitor state, std::span<Parameter<float>* const> parameters) {
  if (state.is_loading()) {
    states_.clear();
    make_states(parameters);
  }
  // Parameters that have just joined get zeros in the next step, and in a loaded optimizer now.
  auto count = static_cast<int64_t>(states_.size());
  state.visit("count", count);
  if (count > static_cast<int64_t>(states_.size()))
    throw_error<Error>("state: the optimizer has {} arrays, the net needs {}", count,
                       states_.size());
  for (int64_t i = 0; i < count; ++i)
    state.visit(fmt::format("{}", i), states_[static_cast<size_t>(i)]);
  visit_own_state(state);
}

void clear_gradients(std::span<Parameter<float>* const> parameters) {
  for_pieces(parameters, [&](size_t index, int64_t first, int64_t end) {
    Tensor<float>& grad = parameters[index]->grad;
    if (!grad.empty()) std::fill(grad.data() + first, grad.data() + end, 0.0f);
  });
}

WeightDecay::WeightDecay(const Options& options)
    : amount_(
          options.number("weight_decay", 0, accept::at_least(0.0), "strength of the pull to zero")),
      kind_(options.choice<Kind>("decay", Kind::coupled,
                                 {{"coupled", Kind::coupled}, {"decoupled", Kind::decoupled}},
                                 "coupled: added to the gradient; decoupled: subtracted from the "
                                 "parameter, times the rate")),
      norm_and_bias_(options.flag("decay_norm_and_bias", true,
                                  "false: only weights decay, not gamma, beta and biases")) {}

double WeightDecay::of(const Parameter<float>& parameter) const {
  return parameter.decays && (norm_and_bias_ || parameter.name == "weight") ? amount_ : 0;
}

float WeightDecay::coupled(const Parameter<float>& parameter) const {
  return kind_ == Kind::coupled ? static_cast<float>(of(parameter)) : 0;
}

float WeightDecay::shrink(const Parameter<float>& parameter, double learning_rate) const {
  return kind_ == Kind::decoupled ? static_cast<float>(1 - learning_rate * of(parameter)) : 1;
}

}  // namespace quantdyn
