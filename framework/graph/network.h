// The graph of primitives: built from YAML or node by node, knows every tap and parameter by name.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "framework/graph/layer.h"
#include "framework/graph/tap.h"

namespace quantdyn {

/// All that is needed to make one primitive; a net keeps these, so it can be built again.
struct NodeSpec {
  std::string name;                 ///< unique; "conv1.norm"
  std::string kind;                 ///< a primitive's YAML name: "conv2d"
  std::vector<std::string> inputs;  ///< names of earlier nodes; "input" is the net's input
  Options options;                  ///< the primitive's own keys
  std::string unit = {};            ///< name of the unit that it leads; empty: the node's name
};

/// A primitive in its place; node 0 is the input and has no layer.
template <typename T>
struct Node {
  std::string name;
  std::string kind;
  std::vector<int> inputs;
  Shape shape;  ///< of one image's output
  DeepPointer<std::unique_ptr<Layer<T>>> layer;
  int unit = 0;
  std::vector<TapKind> taps;  ///< the taps that show this node's result, in the order of visits
};

/// A row of the file's `layer` axis: a leading primitive (conv, dense, pool, add, the input), and
/// its batch norm and activation if nothing else reads what they read. Grouping depends on the
/// graph, never on how it is run.
struct Unit {
  std::string name;
  std::string kind;  ///< the leader's; for a convolution one of ConvolutionKinds
  int leader = -1, norm = -1, activation = -1;  ///< node indices; -1: none
  int last = -1;                                ///< the node whose result is the unit's output
};

/// A convolutional net on images of one shape; `Network` runs, `BasicNetwork<double>` is
/// gradient-checked.
template <typename T>
class BasicNetwork {
 public:
  explicit BasicNetwork(Shape input);

  /// Builds a net from a network file's document (see experiments/networks/) with its parameters
  /// substituted. ConfigError names the node at fault; for shapes that do not fit, both nodes and
  /// both shapes.
  static BasicNetwork from_options(const Options& network);

  /// Adds a node after those it reads. Throws ConfigError.
  void add(const NodeSpec& spec);
  /// Makes `name` an alias of `node` in inputs: a block's name means its last node.
  void add_alias(const std::string& name, const std::string& node);
  /// Groups the nodes into units; called once after the last add(). Every node except the last
  /// must be read by another.
  void finish();

  /// The same graph with new layers and copies of all master parameters.
  BasicNetwork clone() const;
  /// Takes node `i` (batch norm) out: its readers read its input instead. Before that, fold it into
  /// the Linear that it reads.
  void bypass(int i);
  /// Replaces activation `i` with another one, made without options.
  void replace_activation(int i, const std::string& kind);
  /// A net of one unit with copies of its parameters and a bias. The unit must read one array.
  BasicNetwork alone(int unit) const;

  const std::vector<Node<T>>& nodes() const { return nodes_; }
  const std::vector<Unit>& units() const { return units_; }
  /// What node `i` was made from; not valid for 0, the input.
  const NodeSpec& spec(int i) const { return specs_[i - 1]; }
  int index_of(const std::string& name) const;  ///< -1 if not found
  const Shape& shape_of(const std::string& name) const { return nodes_[index_of(name)].shape; }
  const Shape& input_shape() const { return nodes_.front().shape; }
  /// The last node that is not bypassed: its result is the net's.
  int last() const;
  const Shape& output_shape() const { return nodes_[last()].shape; }
  const std::string& last_name() const { return nodes_[last()].name; }
  /// Nodes that read node `i`.
  std::vector<int> readers(int i) const;
  /// The node's layer; null for the input and for a bypassed node.
  Layer<T>* layer(int i) { return nodes_[i].layer.get(); }
  const Layer<T>* layer(int i) const { return nodes_[i].layer.get(); }

  template <typename P>
  struct ParameterOfNode {
    int node;
    P* parameter;
  };
  using Named = ParameterOfNode<Parameter<T>>;
  using ConstNamed = ParameterOfNode<const Parameter<T>>;
  /// All trained arrays and running statistics, in graph order.
  std::vector<Named> parameters();
  std::vector<ConstNamed> parameters() const;
  int64_t trained_count() const;
  int64_t multiply_accumulates() const;

  /// Fills all parameters; each node draws from its own random stream, chosen by its name.
  void initialize(const Initializer& weights, const Rng& rng);

 private:
  std::vector<Node<T>> nodes_;
  std::vector<Unit> units_;
  std::vector<NodeSpec> specs_;
  std::unordered_map<std::string, int> indices_;  // of nodes by name
  std::unordered_map<std::string, std::string> aliases_;
};

using Network = BasicNetwork<float>;
extern template class BasicNetwork<float>;
extern template class BasicNetwork<double>;

/// A macro of a network file: reads its options and adds primitives after `input`.
///
/// `block`, `separable`, `residual`, `inverted_residual` (network_macros.cpp).
template <typename T>
using NetworkMacro = std::function<void(BasicNetwork<T>&, const Options&, const std::string& name,
                                        const std::vector<std::string>& inputs)>;
/// The macro of that name, or an empty function.
template <typename T>
NetworkMacro<T> find_macro(const std::string& name);
/// "block, inverted_residual, residual, separable".
std::string macro_names();

/// Defaults of a network file's parameters `input` and `classes`, known from the data.
struct NetworkDefaults {
  Shape input;
  int64_t classes;  ///< 0: unknown
};

/// Reads a network file, sets its parameters from `parameters` and returns the document for
/// from_options(). The key `file` of `parameters` is ignored; keys that are not parameters of the
/// network are refused.
Options read_network(const std::filesystem::path& file, const Options& parameters,
                     const std::optional<NetworkDefaults>& defaults = {});

}  // namespace quantdyn
