#include "framework/learning/optimizer.h"

namespace quantdyn {
namespace {

/// v = momentum v + g, p -= learning_rate v; Nesterov: p -= learning_rate (g + momentum v)
/// (Sutskever et al. 2013; here the rate scales the velocity when it is used).
class Sgd final : public Optimizer {
 public:
  explicit Sgd(const Options& options)
      : Optimizer(1),
        momentum_(options.number("momentum", 0.9, {.low = 0, .high = 1, .high_excluded = true},
                                 "share of the velocity kept from the last step")),
        nesterov_(options.flag("nesterov", false, "whether to use Nesterov's look-ahead gradient")),
        decay_(options) {
    options.finish();
    if (nesterov_ && momentum_ == 0)
      options.refuse("nesterov", "found true with momentum 0, accepted: with momentum over 0");
  }

 protected:
  void update(size_t index, Parameter<float>& parameter, double learning_rate, int64_t first,
              int64_t end) override {
    const auto rate = static_cast<float>(learning_rate), momentum = static_cast<float>(momentum_);
    const float coupled = decay_.coupled(parameter);
    const float shrink = decay_.shrink(parameter, learning_rate);
    float* p = parameter.master.data();
    const float* grad = parameter.grad.data();
    float* v = states(index)[0].data();
    for (int64_t i = first; i < end; ++i) {
      const float g = grad[i] + coupled * p[i];
      v[i] = momentum * v[i] + g;
      p[i] = shrink * p[i] - rate * (nesterov_ ? g + momentum * v[i] : v[i]);
    }
  }

 private:
  double momentum_;
  bool nesterov_;
  WeightDecay decay_;
};

const Registered<Optimizer> sgd{
    "sgd", "stochastic gradient descent with momentum",
    [](const Options& options) { return std::make_unique<Sgd>(options); }};

}  // namespace
}  // namespace quantdyn
