#include "experiments/onnx/lower_opset.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "experiments/onnx/tensors.h"
#include "framework/base/error.h"

namespace quantdyn {
namespace {

using Node = onnx::NodeProto;
using Integers = std::vector<int64_t>;

constexpr int64_t known_opset = 17;

class Lowering {
 public:
  Lowering(onnx::ModelProto& model, const std::string& name)
      : graph_(*model.mutable_graph()), name_(name) {}

  void lower(Node& node) {
    const std::string& operation = node.op_type();
    if (operation == "ReduceMean") lower_reduce_mean(node);
    if (operation == "Pad") lower_pad(node);
    if (operation == "AveragePool") drop(node, "dilations", 1);
    if (operation == "QuantizeLinear" || operation == "DequantizeLinear")
      for (const char* const key : {"block_size", "output_dtype", "precision"}) drop(node, key, 0);
    if (operation == "QuantizeLinear" || operation == "Cast") drop(node, "saturate", 1);
    if (operation == "Cast") drop(node, "round_mode", "up");
  }

 private:
  [[noreturn]] void refuse(const Node& node, const std::string& why) const {
    throw_error<ConfigError>("{}: {}", place_of(node, name_), why);
  }

  /// Takes an attribute out whose numbers are all `accepted`.
  void drop(Node& node, const std::string& key, int64_t accepted) const {
    drop_if(node, key, fmt::format("{}", accepted), [&](const onnx::AttributeProto& attribute) {
      return std::ranges::all_of(attribute.ints(), [&](int64_t i) { return i == accepted; }) &&
             (attribute.type() == onnx::AttributeProto::INTS || attribute.i() == accepted);
    });
  }
  void drop(Node& node, const std::string& key, const std::string& accepted) const {
    drop_if(node, key, accepted,
            [&](const onnx::AttributeProto& attribute) { return attribute.s() == accepted; });
  }
  template <typename Test>
  void drop_if(Node& node, const std::string& key, const std::string& accepted,
               const Test& test) const {
    auto& attributes = *node.mutable_attribute();
    for (int i = attributes.size(); i-- > 0;) {
      if (attributes[i].name() != key) continue;
      if (!test(attributes[i])) refuse(node, fmt::format("{}: accepted: {}", key, accepted));
      attributes.DeleteSubrange(i, 1);
    }
  }

  /// The whole numbers of a constant; empty if the value is none.
  std::optional<Integers> constant(const std::string& value) const {
    const auto of = [&](const onnx::TensorProto& tensor) {
      return read_tensor(tensor, fmt::format("{}: constant '{}'", name_, value)).integers;
    };
    for (const auto& tensor : graph_.initializer())
      if (tensor.name() == value) return of(tensor);
    for (const Node& node : graph_.node())
      if (node.op_type() == "Constant" && node.output_size() == 1 && node.output(0) == value)
        for (const auto& attribute : node.attribute()) {
          if (attribute.name() == "value") return of(attribute.t());
          if (attribute.name() == "value_ints")
            return Integers(attribute.ints().begin(), attribute.ints().end());
          if (attribute.name() == "value_int") return Integers{attribute.i()};
        }
    return {};
  }
  Integers constant_input(const Node& node, int i) const {
    const auto found = constant(node.input(i));
    if (!found)
      refuse(node, fmt::format("input '{}' is computed; accepted: a constant", node.input(i)));
    return *found;
  }

  void lower_reduce_mean(Node& node) const {
    if (node.input_size() < 2 || node.input(1).empty()) drop(node, "noop_with_empty_axes", 0);
    if (node.input_size() < 2) return;
    if (!node.input(1).empty()) {
      const Integers axes = constant_input(node, 1);
      if (axes.empty()) refuse(node, "has no axes; accepted: height and width");
      drop_if(node, "noop_with_empty_axes", "", [](const auto&) { return true; });
      auto& attribute = *node.add_attribute();
      attribute.set_name("axes");
      attribute.set_type(onnx::AttributeProto::INTS);
      for (const int64_t axis : axes) attribute.add_ints(axis);
    }
    node.mutable_input()->DeleteSubrange(1, node.input_size() - 1);
  }

  /// Pads of some axes become pads of all four.
  void lower_pad(Node& node) {
    if (node.input_size() < 4) return;
    if (!node.input(3).empty()) {
      const Integers pads = constant_input(node, 1), axes = constant_input(node, 3);
      if (pads.size() != 2 * axes.size())
        refuse(node, fmt::format("{} pads for {} axes", pads.size(), axes.size()));
      Integers all(8);
      for (size_t i = 0; i < axes.size(); ++i) {
        const int64_t axis = axes[i] < 0 ? axes[i] + 4 : axes[i];
        if (axis < 0 || axis > 3) refuse(node, fmt::format("axis {} of 4", axes[i]));
        all[axis] = pads[i];
        all[axis + 4] = pads[i + axes.size()];
      }
      auto& tensor = *graph_.add_initializer();
      tensor.set_name(fmt::format("pads of all axes, {}", graph_.initializer_size()));
      tensor.set_data_type(onnx::TensorProto::INT64);
      tensor.add_dims(8);
      for (const int64_t pad : all) tensor.add_int64_data(pad);
      node.set_input(1, tensor.name());
    }
    node.mutable_input()->DeleteSubrange(3, node.input_size() - 3);
  }

  onnx::GraphProto& graph_;
  const std::string& name_;
};

}  // namespace

std::string place_of(const Node& node, const std::string& name) {
  const std::string own = !node.name().empty() ? node.name()
                          : node.output_size() ? node.output(0)
                                               : std::string();
  return fmt::format("{}: node '{}' ({})", name, own, node.op_type());
}

void lower_opset(onnx::ModelProto& model, const std::string& name) {
  for (Node& node : *model.mutable_graph()->mutable_node()) node.clear_domain();
  bool is_newer = false;
  for (auto& opset : *model.mutable_opset_import()) {
    const bool is_onnx = opset.domain().empty() || opset.domain() == "ai.onnx";
    if (!is_onnx || opset.version() <= known_opset) continue;
    is_newer = true;
    opset.set_version(known_opset);
  }
  const auto newest_ir = static_cast<int64_t>(onnx::Version::IR_VERSION);
  model.set_ir_version(std::min<int64_t>(model.ir_version(), newest_ir));
  if (!is_newer) return;
  Lowering lowering(model, name);
  for (int i = 0; i < model.graph().node_size(); ++i)
    lowering.lower(*model.mutable_graph()->mutable_node(i));
}

}  // namespace quantdyn
