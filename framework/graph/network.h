// The graph of primitives: built from YAML or node by node, knows every tap and parameter by name.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "framework/graph/layer.h"
#include "framework/graph/tap.h"

namespace quantdyn {

/// What makes one primitive; a net is the list of these, so it can be built again.
struct NodeSpec {
  std::string name;                 ///< unique; "conv1.norm"
  std::string kind;                 ///< a primitive's YAML name: "conv2d"
  std::vector<std::string> inputs;  ///< names of earlier nodes; "input" is the net's input
  Options options;                  ///< the primitive's own keys
  std::string unit = {};            ///< name of the unit that it leads; empty: the node's
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
  std::vector<TapKind> taps;  ///< those that hold this node's result, in the order they are visited
};

/// A row of the file's `layer` axis: a leading primitive (conv, dense, pool, add, the input) with
/// the batch norm and the activation that alone read it. Grouping follows the graph, never how it
/// is run.
struct Unit {
  std::string name;
  std::string kind;  ///< the leader's; of convolutions one of ConvolutionKinds
  int leader = -1, norm = -1, activation = -1;  ///< node indices; -1: none
  int last = -1;                                ///< the node whose result is the unit's output
};

/// A convolutional net on images of one shape; `Network` runs, `BasicNetwork<double>` is
/// gradient-checked.
template <typename T>
class BasicNetwork {
 public:
  explicit BasicNetwork(Shape input);

  /// Builds a net from a network file's document (see experiments/networks/): parameters have been
  /// substituted. ConfigError names the node at fault; shapes that do not fit name both nodes and
  /// shapes.
  static BasicNetwork from_options(const Options& network);

  /// Adds a node after those it reads. Throws ConfigError.
  void add(const NodeSpec& spec);
  /// Lets `name` stand for `node` in inputs: a block's name for its last node.
  void add_alias(const std::string& name, const std::string& node);
  /// Groups the nodes into units; called once after the last add(). Every node must be read but
  /// the last.
  void finish();

  /// The same graph with new layers and copies of all parameters' masters.
  BasicNetwork clone() const;
  /// Takes node `i` (batch norm) out: its readers read its input instead. The Linear before it must
  /// have taken over its work.
  void bypass(int i);
  /// Puts another activation, without options, in the place of activation `i`.
  void replace_activation(int i, const std::string& kind);
  /// A net of unit `i` alone, which reads one array, and copies of its parameters; it has a bias.
  BasicNetwork alone(int unit) const;

  const std::vector<Node<T>>& nodes() const { return nodes_; }
  const std::vector<Unit>& units() const { return units_; }
  /// What node `i` was made from; not of 0, the input.
  const NodeSpec& spec(int i) const { return specs_[i - 1]; }
  int index_of(const std::string& name) const;  ///< -1 where there is none
  const Shape& shape_of(const std::string& name) const { return nodes_[index_of(name)].shape; }
  const Shape& input_shape() const { return nodes_.front().shape; }
  /// The last node that is not bypassed: its result is the net's.
  int last() const;
  const Shape& output_shape() const { return nodes_[last()].shape; }
  const std::string& last_name() const { return nodes_[last()].name; }
  /// Nodes that read node `i`.
  std::vector<int> readers(int i) const;
  /// The node's own, or null for the input or a bypassed node.
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

  /// Fills all parameters; each node draws from its own stream, by its name.
  void initialize(const Initializer& weights, const Rng& rng);

 private:
  std::vector<Node<T>> nodes_;
  std::vector<Unit> units_;
  std::vector<NodeSpec> specs_;
  std::vector<std::pair<std::string, std::string>> aliases_;
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

/// What a network file's parameters `input` and `classes` default to where the data say so.
struct NetworkDefaults {
  Shape input;
  int64_t classes;  ///< 0: the data do not say
};

/// Reads a network file, sets its parameters from `parameters` (whose own key `file` is left alone;
/// keys that the network does not have are refused) and returns the document ready for
/// from_options().
Options read_network(const std::filesystem::path& file, const Options& parameters,
                     const std::optional<NetworkDefaults>& defaults = {});

}  // namespace quantdyn
