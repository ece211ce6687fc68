// A net under construction from a foreign file: nodes, their names, their parameters.
#pragma once

#include <array>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "experiments/formats/unique_names.h"
#include "framework/graph/network.h"

namespace quantdyn {

/// What a foreign layer gives: the result of a node, and zeros that its reader must put around it.
struct ImportedValue {
  std::string node;
  std::array<int64_t, 4> padding{};  ///< top, bottom, left, right
  std::string padded_by;             ///< "ZeroPadding2D layer 'pad'"; empty: no padding
};

/// Adds nodes in the order of the foreign file's layers. All errors are ConfigError at the `at` of
/// the call: the options of the foreign layer, whose place names file and layer.
class NetworkBuilder {
 public:
  /// An option of a node and its value, as YAML.
  using Entries = std::vector<std::pair<std::string, std::string>>;

  explicit NetworkBuilder(const Shape& input);

  /// The node of the net's input.
  const std::string& input_node() const { return network_.nodes().front().name; }
  const Shape& shape_of(const std::string& node) const { return network_.shape_of(node); }
  /// The layer of a node; null for the input.
  const Layer<float>* layer_of(const std::string& node) const;
  /// Whether the node is an activation whose output is never negative.
  bool is_never_negative(const std::string& node) const;

  /// Adds a node whose name is like `name`, and returns its actual name (UniqueNames).
  std::string add_node(const Options& at, const std::string& name, const std::string& kind,
                       std::vector<std::string> inputs, const Entries& entries);
  /// The shape of a node's parameter; rank 0 if the node has no such parameter, or an empty one.
  Shape shape_of_parameter(const std::string& node, const std::string& parameter) const;
  /// Fills a parameter of a node; the number of values fits its shape.
  void load(const std::string& node, const std::string& parameter, std::span<const float> values);

  /// The net that ends with `output`; `layer` is the foreign layer that gives it. ConfigError if
  /// padding around it is left over, or if another node was added last.
  Network finish(const std::string& layer, const ImportedValue& output);

 private:
  Parameter<float>* find(const std::string& node, const std::string& parameter) const;

  Network network_;
  UniqueNames names_;  // of nodes
};

/// Refuses an array of another shape than the layer needs, and values that are not finite. `name`
/// is the array's in the foreign file.
void check_array(const Options& at, const std::string& name, std::span<const int64_t> sizes,
                 std::span<const int64_t> needed);
void check_finite(const Options& at, const std::string& name, std::span<const int64_t> sizes,
                  std::span<const float> values);

/// "true" or "false"; "[1, 2]".
std::string yaml_flag(bool value);
std::string yaml_list(std::span<const int64_t> values);

}  // namespace quantdyn
