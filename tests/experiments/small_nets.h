// Every network file, small and in its variations, with parameters that are not those of a start.
#pragma once

#include <filesystem>
#include <ostream>
#include <string>
#include <vector>

#include "framework/graph/network.h"
#include "tests/quant/helpers.h"

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

/// The same net with parameters that do something, no two norms alike.
inline Network with_values(Network out) {
  draw_parameters(out, 0.25, 0.2);
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
    {"dws", "{input: [12, 12, 3], width: 0.25, activation: leaky_relu}"},
    {"residual", "{input: [12, 12, 3], width: 0.5}"},
    {"residual", "{input: [12, 12, 3], width: 0.5, norm: false, activation: relu6}"},
    {"inverted_residual", "{input: [12, 12, 3], width: 0.5}"},
    {"inverted_residual", "{input: [12, 12, 3], width: 0.5, expansion: 2, activation: relu}"},
    {"inverted_residual", "{input: [12, 12, 3], width: 0.5, norm: false}"},
    {"inverted_residual", "{input: [12, 12, 3], width: 0.5, activation: sigmoid}"},
    {"mobilenet_v1", "{input: [32, 32, 3], alpha: 0.125}"},
    {"mobilenet_v1", "{input: [32, 32, 3], alpha: 0.125, stem_stride: 2, activation: relu6}"},
    {"mobilenet_v1_regular", "{input: [16, 16, 3], alpha: 0.125}"},
    {"vgg", "{input: [16, 16, 3], width: 0.125}"},
    {"vgg", "{input: [16, 16, 3], width: 0.125, norm: false, groups: 4}"},
    {"vgg_separable", "{input: [16, 16, 3], width: 0.125}"},
};

}  // namespace quantdyn::test
