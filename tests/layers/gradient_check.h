// One check of backward for every primitive: central differences in double.
#pragma once

#include <boost/test/unit_test.hpp>
#include <memory>
#include <string>
#include <vector>

#include "framework/graph/layer.h"

namespace quantdyn::testing {

/// A primitive from YAML: make_layer<double>("{name: conv2d, channels: 3, kernel: 3}").
template <typename T>
std::unique_ptr<Layer<T>> make_layer(const std::string& yaml) {
  return LayerRegistry<T>::instance().make(Options::from_text(yaml, "test.yaml"));
}

/// Standard normal values times `deviation`, by a stream of its own for each name.
template <typename T>
Tensor<T> random_tensor(const Shape& shape, const std::string& name, double deviation = 1);

/// A layer that has been set up, with a batch of random inputs and a random gradient from above.
template <typename T>
struct Trial {
  std::unique_ptr<Layer<T>> layer;
  std::vector<Tensor<T>> x, dx;
  Tensor<T> y, dy;

  Trial(const std::string& yaml, const std::vector<Shape>& inputs, int64_t images,
        double deviation = 1);
  void forward();
  void backward();
  std::vector<View<const T>> inputs() const;
};

/// Compares backward with central differences of sum(dy y): for all inputs and trained parameters,
/// with gradients that held noise before. Returns the worst |analytic - numeric| / max(|analytic|,
/// |numeric|, 0.01), and prints it.
double worst_gradient_error(const std::string& yaml, const std::vector<Shape>& inputs,
                            int64_t images, double deviation = 1);

/// Whether y, dx, all gradients and running statistics have the same bits with 1 and with 3
/// threads, in float and in double.
bool same_bits_for_any_thread_count(const std::string& yaml, const std::vector<Shape>& inputs);

/// The message of the Error (or ConfigError) that setting a layer up throws; "" where none is.
std::string error_of(const std::string& yaml, const std::vector<Shape>& inputs);

/// y of a float layer in evaluation, after `parameters` were filled in order; x [N,...].
std::vector<float> evaluated(const std::string& yaml, const Shape& input,
                             const std::vector<float>& x,
                             const std::vector<std::vector<float>>& parameters = {});

}  // namespace quantdyn::testing
