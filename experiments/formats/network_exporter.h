// A walk over a net for what writes it in a foreign format: every node once, by its role.
#pragma once

#include <string>

#include "experiments/formats/unique_names.h"
#include "framework/graph/network.h"

namespace quantdyn {

/// Base of the exporters. A format adds its own layer for each role; what it lacks it refuses.
class NetworkExporter {
 public:
  virtual ~NetworkExporter() = default;

 protected:
  /// `format` names the format in errors; the net must outlive this.
  NetworkExporter(const Network& network, std::string format)
      : network_(network), format_(std::move(format)) {}

  /// Calls one add function for every node, the input first, each node after its inputs. Bypassed
  /// nodes are left out: nothing reads them.
  void add_nodes();

  virtual void add_input() = 0;
  virtual void add_convolution(int i, const Convolution& g, const Linear<float>& linear) = 0;
  virtual void add_dense(int i, const Linear<float>& linear) = 0;
  virtual void add_batch_norm(int i, const ChannelAffine<float>& norm) = 0;
  /// A pool with a window; one over the whole image that gives [C] is another kind.
  virtual void add_pool(int i, const Pooling& pooling) = 0;
  virtual void add_clip(int i, const Activation& clip) = 0;
  /// A clip with ends by channel; by default another layer.
  virtual void add_channel_clip(int i, const ChannelEnds<float>& ends) {
    static_cast<void>(ends);
    add_other(i);
  }
  /// Any other layer, by its kind.
  virtual void add_other(int i) = 0;

  const Network& network() const { return network_; }
  const Node<float>& node(int i) const { return network_.nodes()[i]; }
  /// The name of node `i` in the file: its unit's if it leads one, so that an import gives the same
  /// units. Called once a node.
  std::string name_of(int i);
  /// A name for what no node stands for.
  std::string unique_name(const std::string& wanted) { return names_.make(wanted); }
  /// Throws ConfigError: the format has no layer for node `i`.
  [[noreturn]] void refuse(int i, const std::string& what) const;

 private:
  void add_node(int i);

  const Network& network_;
  std::string format_;
  UniqueNames names_;
};

}  // namespace quantdyn
