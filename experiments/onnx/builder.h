// A net under construction from an ONNX model: values with their layout, constants, readers.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "experiments/formats/network_builder.h"
#include "experiments/onnx/import.h"
#include "experiments/onnx/model.h"

namespace quantdyn {

/// A computed value of the model, as the net has it.
///
/// Rank 4: the net has [H,W,C], or [C] where height and width are 1; ONNX has channels first, or
/// last after a Transpose. Rank 3: [N,C,1] in ONNX, as between two Unsqueezes. Rank 2: [N,C]; the
/// net has [C].
struct OnnxValue {
  ImportedValue in_net;
  int rank = 4;
  bool has_channels_last = false;
  /// Rank 2: the image that was flattened, if ONNX has its values in another order, channels first.
  std::optional<Shape> flattened_from = {};
  /// Set after QuantizeLinear: only DequantizeLinear reads codes.
  std::optional<OnnxScale> codes = {};
};

/// The tools of the functions in handlers.h. All errors are ConfigError at the node.
class OnnxBuilder {
 public:
  using Entries = NetworkBuilder::Entries;

  /// The model must outlive this.
  explicit OnnxBuilder(const OnnxModel& model);

  NetworkBuilder& net() { return net_; }
  const NetworkBuilder& net() const { return net_; }

  /// The constant of an input; null if it is computed, or absent.
  const OnnxTensor* constant(const OnnxNode& node, size_t i) const;
  /// The same where it must be one; `what` is it: "the weight".
  const OnnxTensor& required_constant(const OnnxNode& node, size_t i,
                                      const std::string& what) const;
  /// Its values as floats; the tensor must hold floats, all of them finite.
  const OnnxTensor& required_floats(const OnnxNode& node, size_t i, const std::string& what) const;
  /// Its whole numbers.
  const std::vector<int64_t>& required_integers(const OnnxNode& node, size_t i,
                                                const std::string& what) const;

  /// A computed input, padded or not; refuses constants and codes.
  const OnnxValue& padded_value(const OnnxNode& node, size_t i) const;
  /// The same without padding around it.
  const OnnxValue& value(const OnnxNode& node, size_t i) const;
  /// Such an input [N,C,H,W] that a window slides over; its node gives [H,W,C].
  const OnnxValue& padded_image(const OnnxNode& node, size_t i) const;
  /// Null for a constant.
  const OnnxValue* find_value(const std::string& name) const;
  /// The sizes that ONNX gives a value, with the batch.
  std::vector<int64_t> sizes_of(const OnnxValue& value) const;

  int64_t opset() const { return model_.opset; }
  bool is_output(const OnnxNode& node) const { return node.outputs[0] == model_.output; }
  /// The nodes that read a value. The model's output counts as a reader that is not a node.
  std::vector<const OnnxNode*> readers(const std::string& value) const;
  /// The one node that reads the value and is of that kind; null if there is none.
  const OnnxNode* only_reader(const std::string& value, const std::string& operation) const;

  /// Adds a node named after the ONNX node, and returns its name.
  std::string add_node(const OnnxNode& node, const std::string& kind,
                       std::vector<std::string> inputs, const Entries& entries = {});
  void set_result(const OnnxNode& node, OnnxValue value);
  void set_constant(const OnnxNode& node, OnnxTensor tensor);
  /// Another node is part of what was added: it is not visited.
  void skip(const OnnxNode& node) { skipped_.insert(&node); }
  /// The same; the result of `node` will also be that of `part`.
  void merge(const OnnxNode& part, const OnnxNode& node) {
    skip(part);
    merged_[&node].push_back(&part);
  }
  bool is_skipped(const OnnxNode& node) const { return skipped_.contains(&node); }

  /// Notes that the file quantizes a tensor of a node.
  void note_scale(const std::string& node, TensorRole role, const OnnxScale& scale);

  /// The node that codes of a value are made from, if a clip was put back before them; "" at first.
  std::string& restored(const std::string& value) { return restored_[value]; }

  OnnxImport finish();

 private:
  /// Compares the sizes of all values with those that libonnx infers.
  void check_sizes() const;

  const OnnxModel& model_;
  NetworkBuilder net_;
  std::map<std::string, OnnxValue> values_;
  std::map<std::string, OnnxTensor> constants_;  // that nodes computed
  std::map<std::string, std::vector<const OnnxNode*>> readers_;
  std::set<const OnnxNode*> skipped_;
  std::map<const OnnxNode*, std::vector<const OnnxNode*>> merged_;
  std::map<std::string, std::string> restored_;
  std::vector<OnnxQuantization> quantized_;
};

}  // namespace quantdyn
