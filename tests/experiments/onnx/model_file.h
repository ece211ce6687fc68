// Written ONNX models, read back for tests: nodes by name and operator, initializers as numbers.
#pragma once

#include <cstring>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "experiments/onnx/onnx_library.h"
#include "tests/experiments/program.h"

namespace quantdyn::test {

class ModelFile {
 public:
  explicit ModelFile(const std::filesystem::path& file) {
    if (!model_.ParseFromString(text_of(file))) throw_error("not an ONNX model");
  }

  const onnx::ModelProto& model() const { return model_; }
  const onnx::NodeProto& node(const std::string& name) const {
    for (const onnx::NodeProto& node : model_.graph().node())
      if (node.name() == name) return node;
    throw_error("no node '{}'", name);
  }
  std::vector<const onnx::NodeProto*> nodes(const std::string& op) const {
    std::vector<const onnx::NodeProto*> out;
    for (const onnx::NodeProto& node : model_.graph().node())
      if (node.op_type() == op) out.push_back(&node);
    return out;
  }
  /// The operators, in order.
  std::vector<std::string> operators() const {
    std::vector<std::string> out;
    for (const onnx::NodeProto& node : model_.graph().node()) out.push_back(node.op_type());
    return out;
  }
  static std::vector<int64_t> ints(const onnx::NodeProto& node, const std::string& attribute) {
    const onnx::AttributeProto& found = attribute_of(node, attribute);
    return {found.ints().begin(), found.ints().end()};
  }
  static const onnx::AttributeProto& attribute_of(const onnx::NodeProto& node,
                                                  const std::string& attribute) {
    for (const onnx::AttributeProto& found : node.attribute())
      if (found.name() == attribute) return found;
    throw_error("node '{}' has no attribute '{}'", node.name(), attribute);
  }
  const onnx::TensorProto& tensor(const std::string& name) const {
    for (const onnx::TensorProto& tensor : model_.graph().initializer())
      if (tensor.name() == name) return tensor;
    throw_error("no initializer '{}'", name);
  }
  template <typename T>
  std::vector<T> values(const std::string& name) const {
    const std::string& raw = tensor(name).raw_data();
    std::vector<T> out(raw.size() / sizeof(T));
    std::memcpy(out.data(), raw.data(), raw.size());
    return out;
  }
  std::vector<int64_t> sizes(const std::string& name) const {
    return {tensor(name).dims().begin(), tensor(name).dims().end()};
  }

 private:
  onnx::ModelProto model_;
};

}  // namespace quantdyn::test
