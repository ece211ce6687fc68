// Optimizers: how gradients move the parameters (framework/optimizers/).
#pragma once

#include <span>
#include <vector>

#include "framework/graph/layer.h"

namespace quantdyn {

/// Moves parameters by their gradients; keeps state (momentum) for each of them.
class Optimizer {
 public:
  virtual ~Optimizer() = default;

  /// One step: master from grad. Parameters that are not trained stay as they are, gradients are
  /// not cleared. Every call must bring the same parameters in the same order; new ones come after
  /// them.
  void step(std::span<Parameter<float>* const> parameters, double learning_rate);

 protected:
  /// Starts a step, before the first update() of it.
  virtual void begin_step() {}
  /// Moves elements [first, end) of one parameter; `index` counts those of step(). Called by
  /// several threads at once.
  virtual void update(size_t index, Parameter<float>& parameter, double learning_rate,
                      int64_t first, int64_t end) = 0;
  /// The states of a parameter, of its shape, zero before the first step.
  std::span<Tensor<float>> states(size_t index) {
    return std::span(states_).subspan(index * states_each_, states_each_);
  }
  explicit Optimizer(size_t states_each) : states_each_(states_each) {}

 private:
  size_t states_each_;
  std::vector<Tensor<float>> states_;
};

/// Sets all gradients to zero.
void clear_gradients(std::span<Parameter<float>* const> parameters);

/// Weight decay: `coupled` adds weight_decay p to the gradient (L2 regularization), `decoupled`
/// takes learning_rate weight_decay p off the parameter itself (Loshchilov & Hutter 2019).
class WeightDecay {
 public:
  /// Reads `weight_decay`, `decay` and `decay_norm_and_bias`.
  explicit WeightDecay(const Options& options);

  /// What to add to the gradient, per unit of the parameter; 0 where decay is decoupled.
  float coupled(const Parameter<float>& parameter) const;
  /// What to multiply the parameter by before the step; 1 where decay is coupled.
  float shrink(const Parameter<float>& parameter, double learning_rate) const;

 private:
  enum class Kind { coupled, decoupled };
  double of(const Parameter<float>& parameter) const;

  double amount_;
  Kind kind_;
  bool norm_and_bias_;
};

}  // namespace quantdyn
