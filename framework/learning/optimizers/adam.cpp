#include <cmath>

#include "framework/learning/optimizer.h"

namespace quantdyn {
namespace {

/// m = beta1 m + (1 - beta1) g, v = beta2 v + (1 - beta2) g^2 and, after t steps,
/// p -= learning_rate m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + epsilon) (Kingma & Ba 2015,
/// algorithm 1); with decoupled decay AdamW (Loshchilov & Hutter 2019).
class Adam final : public Optimizer {
 public:
  explicit Adam(const Options& options)
      : Optimizer(2),
        beta1_(options.number("beta1", 0.9, share, "decay rate of the mean gradient")),
        beta2_(options.number("beta2", 0.999, share, "decay rate of the mean square")),
        epsilon_(
            options.number("epsilon", 1e-8, accept::over(0.0), "added to the root mean square")),
        decay_(options) {
    options.finish();
  }

 protected:
  void begin_step() override { ++steps_; }
  void visit_own_state(StateVisitor& state) override { state.visit("steps", steps_); }

  void update(size_t index, Parameter<float>& parameter, double learning_rate, int64_t first,
              int64_t end) override {
    const auto correction1 = 1 - std::pow(beta1_, static_cast<double>(steps_));
    const auto correction2 = 1 - std::pow(beta2_, static_cast<double>(steps_));
    const auto rate = static_cast<float>(learning_rate / correction1);
    const auto root = static_cast<float>(1 / std::sqrt(correction2));
    const auto keep1 = static_cast<float>(beta1_), take1 = static_cast<float>(1 - beta1_);
    const auto keep2 = static_cast<float>(beta2_), take2 = static_cast<float>(1 - beta2_);
    const auto epsilon = static_cast<float>(epsilon_);
    const float coupled = decay_.coupled(parameter);
    const float shrink = decay_.shrink(parameter, learning_rate);
    float* p = parameter.master.data();
    const float* grad = parameter.grad.data();
    float *m = states(index)[0].data(), *v = states(index)[1].data();
    for (int64_t i = first; i < end; ++i) {
      const float g = grad[i] + coupled * p[i];
      m[i] = keep1 * m[i] + take1 * g;
      v[i] = keep2 * v[i] + take2 * g * g;
      p[i] = shrink * p[i] - rate * m[i] / (std::sqrt(v[i]) * root + epsilon);
    }
  }

 private:
  static constexpr Accepted<double> share{.low = 0, .high = 1, .high_excluded = true};

  double beta1_, beta2_, epsilon_;
  WeightDecay decay_;
  int64_t steps_ = 0;
};

const Registered<Optimizer> adam{
    "adam", "adaptive moments; AdamW with decoupled decay",
    [](const Options& options) { return std::make_unique<Adam>(options); }};

}  // namespace
}  // namespace quantdyn
