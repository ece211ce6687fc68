// One snapshot's numbers in the layout of the file: arrays over layers, arrays over channels,
// scalars.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "framework/base/state.h"

namespace quantdyn {

/// What a dataset holds: its name and its attributes in the file.
struct Quantity {
  std::string name;          ///< "mean"
  std::string units;         ///< "1", "bit", "dB", "s"
  std::string long_name;     ///< "mean of all values"
  std::string formula = {};  ///< of a metric, with its source; empty for plain counts
  std::string axis = {};     ///< a further axis after layer or channel: "bin"; empty: none
};

/// Labels of an axis: one value an entry.
struct AxisLabel {
  Quantity quantity;
  std::vector<double> values;
};

/// An axis after layer or channel that quantities name: "bin", labelled by the edges of the bins,
/// or "quantile", whose places are fractions.
struct ExtraAxis {
  std::string name, long_name;
  int64_t size;
  std::vector<AxisLabel> labels;
  std::vector<double> places = {};  ///< empty: 0, 1, 2 ...
};

/// Rectangular arrays that start as NaN (counts: 0) and are filled node by node.
///
/// `layerwise/<tensor>/<name>` is [layer(, axis)], `channelwise/<tensor>/<name>` [channel(, axis)]
/// with the channels of all nodes one after the other, `networkwise/<name>` a scalar.
class Frame {
 public:
  enum class Scope { network, layer, channel };
  struct Array {
    Quantity quantity;
    Scope scope;
    std::string tensor;  ///< "weight", "conv", "output"; empty for the network scope
    int64_t per_entry;   ///< size of the further axis, 1 if there is none
    std::variant<std::vector<double>, std::vector<uint64_t>> values;

    /// "channelwise/output/mean".
    std::string path() const;
  };

  /// `channel_offsets` has a node's first channel, and the total after the last node.
  explicit Frame(std::vector<int64_t> channel_offsets) : offsets_(std::move(channel_offsets)) {}

  int64_t nodes() const { return static_cast<int64_t>(offsets_.size()) - 1; }
  int64_t channels() const { return offsets_.back(); }
  int64_t channels_of(int64_t node) const { return offsets_[node + 1] - offsets_[node]; }

  void network(const Quantity& quantity, double value);
  /// `values` has one entry, or one for each entry of the further axis.
  void layer(const std::string& tensor, const Quantity& quantity, int64_t node,
             std::span<const double> values);
  void layer(const std::string& tensor, const Quantity& quantity, int64_t node,
             std::span<const uint64_t> values);
  void layer(const std::string& tensor, const Quantity& quantity, int64_t node, double value) {
    layer(tensor, quantity, node, std::span(&value, 1));
  }
  void layer(const std::string& tensor, const Quantity& quantity, int64_t node, uint64_t value) {
    layer(tensor, quantity, node, std::span(&value, 1));
  }
  /// `values` is [channels of the node] or [channels of the node, further axis].
  void channel(const std::string& tensor, const Quantity& quantity, int64_t node,
               std::span<const double> values);
  void channel(const std::string& tensor, const Quantity& quantity, int64_t node,
               std::span<const uint64_t> values);

  /// By path, sorted.
  const std::map<std::string, Array>& arrays() const { return arrays_; }
  /// Its arrays; loading replaces those that are there. The nodes and channels must be the same.
  void visit_state(StateVisitor state);
  /// A node's part of layerwise/<tensor>/<name> or channelwise/<tensor>/<name>, further axis
  /// included; T is double, or uint64_t for counts. Empty where the frame has no such array.
  template <typename T>
  std::span<const T> layer_values(const std::string& tensor, const std::string& name,
                                  int64_t node) const {
    return part_of<T>("layerwise/" + tensor + "/" + name, node, 1);
  }
  template <typename T>
  std::span<const T> channel_values(const std::string& tensor, const std::string& name,
                                    int64_t node) const {
    return part_of<T>("channelwise/" + tensor + "/" + name, offsets_[node], channels_of(node));
  }

 private:
  template <typename T>
  void put(Scope scope, const std::string& tensor, const Quantity& quantity, int64_t first,
           int64_t entries, std::span<const T> values);
  template <typename T>
  std::span<const T> part_of(const std::string& path, int64_t first, int64_t entries) const {
    const auto found = arrays_.find(path);
    if (found == arrays_.end()) return {};
    const int64_t per_entry = found->second.per_entry;
    return std::span(std::get<std::vector<T>>(found->second.values))
        .subspan(static_cast<size_t>(first * per_entry), static_cast<size_t>(entries * per_entry));
  }

  std::vector<int64_t> offsets_;
  std::map<std::string, Array> arrays_;
};

}  // namespace quantdyn
