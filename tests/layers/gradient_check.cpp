#include "tests/layers/gradient_check.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "framework/base/threads.h"

namespace quantdyn::testing {
namespace {

constexpr double step = 1e-5;

template <typename T>
double loss(const Tensor<T>& y, const Tensor<T>& dy) {
  double sum = 0;
  for (int64_t i = 0; i < y.elements(); ++i) sum += y[i] * dy[i];
  return sum;
}

/// The worst error of `analytic` (on top of `noise`) as the gradient with respect to `values`.
double worst_error(Trial<double>& trial, Tensor<double>& values, const Tensor<double>& analytic,
                   const Tensor<double>& noise) {
  double worst = 0;
  for (int64_t i = 0; i < values.elements(); ++i) {
    const double kept = values[i];
    values[i] = kept + step;
    trial.forward();
    const double above = loss(trial.y, trial.dy);
    values[i] = kept - step;
    trial.forward();
    const double numeric = (above - loss(trial.y, trial.dy)) / (2 * step);
    values[i] = kept;
    const double found = analytic[i] - noise[i];
    const double scale = std::max({std::abs(found), std::abs(numeric), 0.01});
    const double error = std::abs(found - numeric) / scale;
    if (!(error <= worst)) worst = error;  // NaN counts as an error
  }
  return worst;
}

/// dx, y, gradients and running statistics.
template <typename T>
std::vector<Tensor<T>> results_with(int workers, const std::string& yaml,
                                    const std::vector<Shape>& inputs) {
  set_worker_count(workers);
  Trial<T> trial(yaml, inputs, 43);
  trial.forward();
  trial.backward();
  set_worker_count(1);
  std::vector<Tensor<T>> out = std::move(trial.dx);
  out.push_back(std::move(trial.y));
  for (Parameter<T>* parameter : trial.layer->parameters())
    out.push_back(parameter->trained ? parameter->grad : parameter->master);
  return out;
}

template <typename T>
bool same_bits(const std::string& yaml, const std::vector<Shape>& inputs) {
  const auto one = results_with<T>(1, yaml, inputs), three = results_with<T>(3, yaml, inputs);
  for (size_t i = 0; i < one.size(); ++i) {
    const auto bytes = static_cast<size_t>(one[i].elements()) * sizeof(T);
    if (std::memcmp(one[i].data(), three[i].data(), bytes) != 0) return false;
  }
  return true;
}

}  // namespace

template <typename T>
Tensor<T> random_tensor(const Shape& shape, const std::string& name, double deviation) {
  Tensor<T> out(shape);
  const Rng rng = Rng(1).fork(name);
  for (int64_t i = 0; i < out.elements(); ++i) out[i] = static_cast<T>(deviation * rng.normal(i));
  return out;
}

template <typename T>
Trial<T>::Trial(const std::string& yaml, const std::vector<Shape>& inputs, int64_t images,
                double deviation)
    : layer(make_layer<T>(yaml)) {
  const Shape out = layer->setup(inputs).batch_of(images);
  for (size_t i = 0; i < inputs.size(); ++i) {
    x.push_back(random_tensor<T>(inputs[i].batch_of(images), fmt::format("x{}", i), deviation));
    dx.emplace_back(inputs[i].batch_of(images));
  }
  y = Tensor<T>(out);
  dy = random_tensor<T>(out, "dy");
  for (Parameter<T>* parameter : layer->parameters())
    if (parameter->trained)
      parameter->master = random_tensor<T>(parameter->master.shape(), parameter->name);
}

template <typename T>
std::vector<View<const T>> Trial<T>::inputs() const {
  std::vector<View<const T>> out;
  for (const Tensor<T>& input : x) out.push_back(input.view());
  return out;
}

template <typename T>
void Trial<T>::forward() {
  layer->forward(inputs(), y.view());
}

template <typename T>
void Trial<T>::backward() {
  std::vector<View<T>> wanted;
  for (Tensor<T>& gradient : dx) wanted.push_back(gradient.view());
  layer->backward(inputs(), std::as_const(y).view(), std::as_const(dy).view(), wanted);
}

template Tensor<float> random_tensor(const Shape&, const std::string&, double);
template Tensor<double> random_tensor(const Shape&, const std::string&, double);
template struct Trial<float>;
template struct Trial<double>;

double worst_gradient_error(const std::string& yaml, const std::vector<Shape>& inputs,
                            int64_t images, double deviation) {
  Trial<double> trial(yaml, inputs, images, deviation);
  std::vector<Tensor<double>*> values, gradients;
  for (size_t i = 0; i < inputs.size(); ++i) {
    values.push_back(&trial.x[i]);
    gradients.push_back(&trial.dx[i]);
  }
  for (Parameter<double>* parameter : trial.layer->parameters()) {
    if (!parameter->trained) continue;
    values.push_back(&parameter->master);
    gradients.push_back(&parameter->grad);
  }
  std::vector<Tensor<double>> noise, analytic;
  for (Tensor<double>* gradient : gradients) {
    *gradient = random_tensor<double>(gradient->shape(), "noise" + std::to_string(noise.size()));
    noise.push_back(*gradient);
  }
  trial.forward();
  trial.backward();
  for (const Tensor<double>* gradient : gradients) analytic.push_back(*gradient);
  double worst = 0;
  for (size_t i = 0; i < values.size(); ++i)
    worst = std::max(worst, worst_error(trial, *values[i], analytic[i], noise[i]));
  BOOST_TEST_MESSAGE("gradient of " << yaml << " on " << inputs[0].text() << " x " << images
                                    << ": worst relative error " << worst);
  return worst;
}

bool same_bits_for_any_thread_count(const std::string& yaml, const std::vector<Shape>& inputs) {
  // In double the order of the sums shows, which rounding to float would hide.
  return same_bits<float>(yaml, inputs) && same_bits<double>(yaml, inputs);
}

std::string error_of(const std::string& yaml, const std::vector<Shape>& inputs) {
  try {
    make_layer<float>(yaml)->setup(inputs);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

std::vector<float> evaluated(const std::string& yaml, const Shape& input,
                             const std::vector<float>& x,
                             const std::vector<std::vector<float>>& parameters) {
  const auto layer = make_layer<float>(yaml);
  const int64_t images = static_cast<int64_t>(x.size()) / input.elements();
  Tensor<float> y(layer->setup(std::span(&input, 1)).batch_of(images));
  for (size_t i = 0; i < parameters.size(); ++i)
    std::ranges::copy(parameters[i], layer->parameters()[i]->master.data());
  const View<const float> view(x.data(), input.batch_of(images));
  layer->evaluate(std::span(&view, 1), y.view());
  return {y.values().begin(), y.values().end()};
}

}  // namespace quantdyn::testing
