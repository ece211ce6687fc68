// Optimizers: how gradients move the parameters (framework/optimizers/).
#pragma once

#include <span>
#include <vector>

#include "framework/base/state.h"
#include "framework/graph/layer.h"

namespace quantdyn {

/// Moves parameters by their gradients; keeps state (momentum) for each of them.
class Optimizer {
 public:
  virtual ~Optimizer() = default;

  /// One step: updates master from grad. Parameters that are not trained do not change; gradients
  /// are not cleared. Every call must give the same parameters in the same order; new ones may
  /// follow them.
  void step(std::span<Parameter<float>* const> parameters, double learning_rate);

  /// Saves or loads what later steps depend on; `parameters` as in step().
  void visit_state(StateVisitor state, std::span<Parameter<float>* const> parameters);

 protected:
  /// Saves or loads what a kind keeps besides states().
  virtual void visit_own_state(StateVisitor&) {}
  /// Starts a step; called before the step's first update().
  virtual void begin_step() {}
  /// Moves elements [first, end) of one parameter; `index` is its place in the list of step().
  /// Several threads call it at the same time.
  virtual void update(size_t index, Parameter<float>& parameter, double learning_rate,
                      int64_t first, int64_t end) = 0;
  /// The states of a parameter; each has its shape and is zero before the first step.
  std::span<Tensor<float>> states(size_t index) {
    return std::span(states_).subspan(index * states_each_, states_each_);
  }
  explicit Optimizer(size_t states_each) : states_each_(states_each) {}

 private:
  void make_states(std::span<Parameter<float>* const> parameters);

  size_t states_each_;
  std::vector<Tensor<float>> states_;
};

/// Sets all gradients to zero.
void clear_gradients(std::span<Parameter<float>* const> parameters);

/// Weight decay: `coupled` adds weight_decay p to the gradient (L2 regularization), `decoupled`
/// subtracts learning_rate weight_decay p from the parameter (Loshchilov & Hutter 2019).
class WeightDecay {
 public:
  /// Reads `weight_decay`, `decay` and `decay_norm_and_bias`.
  explicit WeightDecay(const Options& options);

  /// What to add to the gradient, per unit of the parameter; 0 if decay is decoupled.
  float coupled(const Parameter<float>& parameter) const;
  /// What to multiply the parameter by before the step; 1 if decay is coupled.
  float shrink(const Parameter<float>& parameter, double learning_rate) const;

 private:
  enum class Kind { coupled, decoupled };
  double of(const Parameter<float>& parameter) const;

  double amount_;
  Kind kind_;
  bool norm_and_bias_;
};

}  // namespace quantdyn
