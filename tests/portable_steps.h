// Nets, images and training steps that are the same on every machine, and checks of their bits.
#pragma once

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "framework/graph/network.h"
#include "framework/run/training_plan.h"
#include "tests/every_target.h"
#include "tests/portable_bits.h"

namespace quantdyn::test {

using Arrays = std::map<std::string, Tensor<float>>;

/// A net from a network file's text; variances are above 1.
inline Network portable_net(const std::string& yaml) {
  Network out = Network::from_options(Options::from_text(yaml, "net.yaml"));
  uint64_t seed = 10;
  for (const auto& named : out.parameters()) {
    Parameter<float>& p = *named.parameter;
    const std::vector<float> values = portable_values(p.master.elements(), seed++);
    for (int64_t i = 0; i < p.master.elements(); ++i)
      p.master[i] =
          p.name.find("variance") == std::string::npos ? values[i] / 4 : 1 + std::abs(values[i]);
  }
  return out;
}

inline Tensor<float> portable_images(const Network& net, int64_t count) {
  Tensor<float> out(net.input_shape().batch_of(count));
  std::ranges::copy(portable_values(out.elements(), 2), out.data());
  return out;
}

/// The result of a step of the net's plan, its gradients and running statistics.
inline Arrays portable_step(Network& net, TrainingPlan& plan, int64_t images) {
  const Tensor<float> x = portable_images(net, images);
  Arrays out;
  const View<const float> y = plan.forward(x.view());
  out["y"] = Tensor<float>(y.shape);
  std::ranges::copy(y.values(), out["y"].data());
  const View<float> dy = plan.logits_gradient();
  std::ranges::copy(portable_values(dy.elements(), 3), dy.data);
  plan.backward();
  for (const auto& named : net.parameters())
    out[net.nodes()[named.node].name + "/" + named.parameter->name] =
        named.parameter->trained ? named.parameter->grad : named.parameter->master;
  return out;
}

/// The arrays have this hash where there is a fused multiply-add.
template <typename Make>
void check_bits(const Make& make, uint64_t expected) {
  on_every_target([&](const std::string& target) {
    if (!has_fused_multiply_add(target)) return;
    std::vector<uint64_t> hashes;
    for (const auto& [name, array] : make()) hashes.push_back(hash_of(array.values()));
    const uint64_t found = xxh64(std::as_bytes(std::span(hashes)));
    BOOST_TEST(found == expected, target << ": " << found);
  });
}

}  // namespace quantdyn::test
