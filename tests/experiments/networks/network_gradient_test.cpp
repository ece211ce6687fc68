// Backward through a whole net, in double, against central differences.
#include <boost/test/unit_test.hpp>
#include <cmath>

#include "framework/graph/network.h"

using namespace quantdyn;

namespace {

Tensor<double> random_values(const Shape& shape, const Rng& rng) {
  Tensor<double> out(shape);
  for (int64_t i = 0; i < out.elements(); ++i) out[i] = rng.normal(static_cast<uint64_t>(i));
  return out;
}

/// A net in training mode on a batch, node by node; the loss is sum(direction * logits).
class Loss {
 public:
  Loss(BasicNetwork<double>& net, Tensor<double> x)
      : net_(net), images_(x.shape()[0]), values_(net.nodes().size()), gradients_(values_.size()) {
    values_[0] = std::move(x);
    for (size_t i = 0; i < values_.size(); ++i) {
      if (i > 0) values_[i] = Tensor<double>(net.nodes()[i].shape.batch_of(images_));
      gradients_[i] = Tensor<double>(values_[i].shape());
    }
    direction_ = random_values(values_.back().shape(), Rng(11));
  }
  double value() {
    for (size_t i = 1; i < values_.size(); ++i)
      net_.layer(static_cast<int>(i))->forward(inputs_of(i), values_[i].view());
    double sum = 0;
    for (int64_t k = 0; k < direction_.elements(); ++k) sum += direction_[k] * values_.back()[k];
    return sum;
  }
  /// After value(): fills the gradients of the parameters and of x.
  void backward() {
    for (Tensor<double>& gradient : gradients_) gradient.fill(0);
    gradients_.back() = direction_;
    for (size_t i = values_.size(); i-- > 1;) {
      std::vector<View<double>> dx;
      for (int input : net_.nodes()[i].inputs) dx.push_back(gradients_[input].view());
      net_.layer(static_cast<int>(i))
          ->backward(inputs_of(i), values_[i].view(), gradients_[i].view(), dx);
    }
  }
  Tensor<double>& x() { return values_[0]; }
  const Tensor<double>& dx() const { return gradients_[0]; }

 private:
  std::vector<View<const double>> inputs_of(size_t node) const {
    std::vector<View<const double>> out;
    for (int input : net_.nodes()[node].inputs) out.push_back(values_[input].view());
    return out;
  }

  BasicNetwork<double>& net_;
  int64_t images_;
  std::vector<Tensor<double>> values_, gradients_;  // by node
  Tensor<double> direction_;
};

/// |gradient - central difference|, relative to the larger of them and 0.01.
double error_of(Loss& loss, double& place, double gradient) {
  constexpr double step = 1e-6;
  const double before = place;
  place = before + step;
  const double above = loss.value();
  place = before - step;
  const double below = loss.value();
  place = before;
  const double numeric = (above - below) / (2 * step);
  return std::abs(gradient - numeric) / std::max({std::abs(gradient), std::abs(numeric), 0.01});
}

}  // namespace

BOOST_AUTO_TEST_SUITE(network_gradient_test)

BOOST_AUTO_TEST_CASE(gradients_of_a_whole_net_match_central_differences) {
  const Options document = Options::from_text(R"(input: [9, 8, 2]
nodes:
  - block: {name: conv1, channels: 4}
  - residual: {name: res2, channels: 6, stride: 2}
  - max_pool: {name: pool3, kernel: 2, stride: 1}
  - separable: {name: sep4, channels: 6, groups: 2}
  - inverted_residual: {name: inv5, channels: 6, expansion: 2, activation: relu6}
  - average_pool: {name: pool6}
  - flatten: {name: flat7}
  - dense: {name: logits, units: 3}
)",
                                              "tiny.yaml");
  BasicNetwork<double> net = BasicNetwork<double>::from_options(document);
  net.initialize(
      *Registry<Initializer>::instance().make(Options::from_text("{name: he_normal}", "t")),
      Rng(1));
  Loss loss(net, random_values(net.input_shape().batch_of(11), Rng(2)));
  loss.value();
  for (const auto& named : net.parameters())
    named.parameter->grad = Tensor<double>(named.parameter->master.shape());
  loss.backward();
  const Tensor<double> dx = loss.dx();

  double worst = 0;
  int64_t checked = 0;
  for (const auto& named : net.parameters()) {
    if (!named.parameter->trained || named.parameter->master.empty()) continue;
    const Tensor<double> gradient = named.parameter->grad;
    double largest = 0;
    for (int64_t k = 0; k < gradient.elements(); ++k, ++checked)
      largest = std::max(largest, error_of(loss, named.parameter->master[k], gradient[k]));
    BOOST_TEST(largest < 1e-5,
               net.nodes()[named.node].name << "/" << named.parameter->name << ": " << largest);
    worst = std::max(worst, largest);
  }
  for (int64_t k = 0; k < dx.elements(); k += 7, ++checked) {
    const double error = error_of(loss, loss.x()[k], dx[k]);
    BOOST_TEST(error < 1e-5, "x[" << k << "]: " << error);
    worst = std::max(worst, error);
  }
  BOOST_TEST(checked > 500);
  BOOST_TEST_MESSAGE("whole net, " << checked << " gradients: worst relative error " << worst);
}

BOOST_AUTO_TEST_SUITE_END()
