#include "framework/optimizer.h"

#include <cassert>

#include "framework/threads.h"

namespace quantdyn {

void Optimizer::step(std::span<Parameter<float>* const> parameters, double learning_rate) {
  if (states_.empty())
    for (const Parameter<float>* parameter : parameters)
      for (size_t i = 0; i < states_each_; ++i)
        states_.emplace_back(parameter->trained ? parameter->master.shape() : Shape{0});
  assert(states_.size() == states_each_ * parameters.size());
  begin_step();
  parallel_for(static_cast<int64_t>(parameters.size()), [&](int64_t index, int) {
    Parameter<float>& parameter = *parameters[index];
    if (parameter.trained && !parameter.master.empty())
      update(static_cast<size_t>(index), parameter, learning_rate);
  });
}

WeightDecay::WeightDecay(const Options& options)
    : amount_(options.number("weight_decay", 0, at_least(0.0), "strength of the pull to zero")),
      kind_(options.choice<Kind>(
          "decay", Kind::coupled, {{"coupled", Kind::coupled}, {"decoupled", Kind::decoupled}},
          "coupled: added to the gradient; decoupled: taken off the parameter, times the rate")),
      norm_and_bias_(options.flag("decay_norm_and_bias", true,
                                  "false: only weights decay, not gamma, beta and biases")) {}

double WeightDecay::of(const Parameter<float>& parameter) const {
  return norm_and_bias_ || parameter.name == "weight" ? amount_ : 0;
}

float WeightDecay::coupled(const Parameter<float>& parameter) const {
  return kind_ == Kind::coupled ? static_cast<float>(of(parameter)) : 0;
}

float WeightDecay::shrink(const Parameter<float>& parameter, double learning_rate) const {
  return kind_ == Kind::decoupled ? static_cast<float>(1 - learning_rate * of(parameter)) : 1;
}

}  // namespace quantdyn
