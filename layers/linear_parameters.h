// Weight and bias of conv2d and dense: their options, their start and their role.
#pragma once

#include <algorithm>
#include <memory>

#include "framework/graph/layer.h"

namespace quantdyn {

/// The two parameters of a linear layer; made once, never moved (the role points into it).
template <typename T>
class LinearParameters {
 public:
  /// Reads `bias` and `initializer`.
  explicit LinearParameters(const Options& options)
      : has_bias_(options.flag("bias", true, "whether to add a bias to every output channel")),
        initializer_(options.plugin("initializer", "network",
                                    "how the weight starts: an initializer, or network: the "
                                    "network's initializer")) {}
  LinearParameters(const LinearParameters&) = delete;
  LinearParameters& operator=(const LinearParameters&) = delete;

  /// Makes the node's own initializer, if it has one; called after Options::finish().
  void make_initializer() {
    if (initializer_.plugin_name() == "network")
      initializer_.finish();
    else
      own_ = Registry<Initializer>::instance().make(initializer_);
  }

  /// `shape` ends in the output channels; fan_in = kh kw in / groups.
  void allocate(const Shape& shape, int64_t in_channels, int64_t groups, int64_t fan_in) {
    weight.name = "weight";
    weight.master = weight.grad = Tensor<T>(shape);
    bias.name = "bias";
    if (has_bias_) bias.master = bias.grad = Tensor<T>(Shape{shape.channels()});
    role = {.weight = &weight,
            .bias = &bias,
            .out_channels = shape.channels(),
            .groups = groups,
            .in_channels = in_channels,
            .fan_in = fan_in};
  }

  /// Draws the weight; biases start at zero.
  void initialize(const Initializer& of_network, const Rng& rng) {
    std::vector<double> values(static_cast<size_t>(weight.master.elements()));
    const int64_t fan_out =
        role.fan_in / (role.in_channels / role.groups) * role.out_channels / role.groups;
    (own_ ? *own_ : of_network).fill(values, role.fan_in, fan_out, rng.fork("weight"));
    std::ranges::transform(values, weight.master.data(),
                           [](double value) { return static_cast<T>(value); });
    std::ranges::fill(bias.master.values(), T{});
  }

  /// The weight, and the bias if there is one: from the options, or added by folding.
  std::vector<Parameter<T>*> list() {
    if (bias.master.empty()) return {&weight};
    return {&weight, &bias};
  }

  /// Sets y [channels] to the bias, or to zero without one.
  void start_with_bias(T* y) const {
    const bool is_there = !bias.effective.empty() || !bias.master.empty();
    if (is_there)
      std::copy_n(bias.read(), role.out_channels, y);
    else
      std::fill_n(y, role.out_channels, T{});
  }

  Parameter<T> weight, bias;
  Linear<T> role{};

 private:
  bool has_bias_;
  Options initializer_;
  std::unique_ptr<Initializer> own_;
};

}  // namespace quantdyn
