// Every network file, small and in its variations, with parameters that are not those of a start.
#pragma once

#include <filesystem>
#include <ostream>
#include <string>
#include <vector>

#include "framework/network.h"

namespace quantdyn::test {

/// A network file and its parameters, in YAML.
struct Case {
  std::string network, parameters;
};
inline std::ostream& operator<<(std::ostream& out, const Case& c) {
  return out << c.network << " " << c.parameters;
}

inline Network load(const Case& c) {
  const Options parameters = Options::from_text(c.parameters, "test.yaml");
  const Options document = read_network(
      std::filesystem::path(QUANTDYN_SOURCE_NETWORKS) / (c.network + ".yaml"), parameters);
  Network out = Network::from_options(document);
  document.finish();
  return out;
}

/// The same net with He's initialization, and norms that do something: no two of them alike.
inline Network with_values(Network out) {
  const Options he = Options::from_text("{name: he_normal}", "test.yaml");
  out.initialize(*Registry<Initializer>::instance().make(he), Rng(3));
  uint64_t i = 0;
  const Rng rng(4);
  for (const auto& named : out.parameters()) {
    Parameter<float>& p = *named.parameter;
    const bool is_scale = p.name == "gamma" || p.name == "running_variance";
    const bool is_shift = p.name == "beta" || p.name == "running_mean" || p.name == "bias";
    for (int64_t k = 0; (is_scale || is_shift) && k < p.master.elements(); ++k, ++i)
      p.master[k] =
          static_cast<float>(is_scale ? 0.75 + 0.5 * rng.uniform(i) : 0.2 * rng.normal(i));
  }
  return out;
}

inline Network with_values(const Case& c) { return with_values(load(c)); }

inline const std::vector<Case> small_nets = {
    {"regular", "{input: [12, 12, 3], width: 0.25}"},
    {"regular", "{input: [11, 9, 3], width: 0.25, norm: false}"},
    {"regular", "{input: [12, 12, 3], width: 0.25, groups: 2, activation: relu6}"},
    {"regular", "{input: [12, 12, 3], width: 0.25, groups: 4}"},
    {"dws", "{input: [12, 12, 3], width: 0.25}"},
    {"dws", "{input: [12, 12, 3], width: 0.25, norm: false}"},
    {"dws", "{input: [12, 12, 3], width: 0.25, between_norm: false, activation: relu6}"},
    {"dws", "{input: [12, 12, 3], width: 0.25, between_activation: false}"},
    {"dws", "{input: [12, 12, 3], width: 0.25, between_norm: false, between_activation: false}"},
    {"dws", "{input: [12, 12, 3], width: 0.25, groups: 1}"},
    {"dws", "{input: [12, 12, 3], width: 0.25, groups: 2}"},
    {"dws", "{input: [12, 12, 3], width: 0.25, groups: 4, classes: 3}"},
    {"residual", "{input: [12, 12, 3], width: 0.5}"},
    {"residual", "{input: [12, 12, 3], width: 0.5, norm: false, activation: relu6}"},
    {"inverted_residual", "{input: [12, 12, 3], width: 0.5}"},
    {"inverted_residual", "{input: [12, 12, 3], width: 0.5, expansion: 2, activation: relu}"},
    {"inverted_residual", "{input: [12, 12, 3], width: 0.5, norm: false}"},
    {"mobilenet_v1", "{input: [32, 32, 3], alpha: 0.125}"},
    {"mobilenet_v1", "{input: [32, 32, 3], alpha: 0.125, stem_stride: 2, activation: relu6}"},
};

}  // namespace quantdyn::test
