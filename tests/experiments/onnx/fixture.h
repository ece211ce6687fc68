// Small ONNX models, made field by field.
#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "experiments/onnx/import.h"
#include "experiments/onnx/onnx_library.h"
#include "experiments/onnx/read_model.h"
#include "tests/errors.h"

namespace quantdyn::test {

using Sizes = std::vector<int64_t>;
using Values = std::vector<float>;

/// A model of one input "x" and one output, that of the last node unless ends_with() says another.
/// Every node has one output, of the node's name.
class OnnxFixture {
 public:
  /// The input's sizes; -1 is an open one.
  explicit OnnxFixture(const Sizes& input = {1, 1, 2, 2}, int64_t opset = 13) {
    model_.set_ir_version(7);
    model_.add_opset_import()->set_version(opset);
    graph().set_name("g");
    set_type(*graph().add_input(), "x", input);
  }

  onnx::GraphProto& graph() { return *model_.mutable_graph(); }
  onnx::ModelProto& model() { return model_; }
  onnx::NodeProto& node() { return *graph().mutable_node(graph().node_size() - 1); }

  /// A node; it reads the one before, or "x", where `inputs` is empty.
  OnnxFixture& add(const std::string& operation, const std::string& name,
                   std::vector<std::string> inputs = {}) {
    if (inputs.empty()) inputs = {last_};
    onnx::NodeProto& node = *graph().add_node();
    node.set_op_type(operation);
    node.set_name(name);
    for (const std::string& input : inputs) node.add_input(input);
    node.add_output(name);
    last_ = name;
    return *this;
  }
  OnnxFixture& set(const std::string& key, int64_t value) {
    onnx::AttributeProto& a = attribute(key, onnx::AttributeProto::INT);
    a.set_i(value);
    return *this;
  }
  OnnxFixture& set(const std::string& key, float value) {
    attribute(key, onnx::AttributeProto::FLOAT).set_f(value);
    return *this;
  }
  OnnxFixture& set(const std::string& key, const std::string& value) {
    attribute(key, onnx::AttributeProto::STRING).set_s(value);
    return *this;
  }
  OnnxFixture& set(const std::string& key, const Sizes& values) {
    onnx::AttributeProto& a = attribute(key, onnx::AttributeProto::INTS);
    for (const int64_t value : values) a.add_ints(value);
    return *this;
  }

  OnnxFixture& floats(const std::string& name, const Sizes& sizes, const Values& values) {
    onnx::TensorProto& tensor = constant(name, sizes, onnx::TensorProto::FLOAT);
    for (const float value : values) tensor.add_float_data(value);
    return *this;
  }
  OnnxFixture& integers(const std::string& name, const Sizes& sizes, const Sizes& values) {
    onnx::TensorProto& tensor = constant(name, sizes, onnx::TensorProto::INT64);
    for (const int64_t value : values) tensor.add_int64_data(value);
    return *this;
  }
  /// int8, uint8, int32.
  OnnxFixture& codes(const std::string& name, const Sizes& sizes, const std::vector<int>& values,
                     onnx::TensorProto::DataType type) {
    onnx::TensorProto& tensor = constant(name, sizes, type);
    for (const int value : values) tensor.add_int32_data(value);
    return *this;
  }
  onnx::TensorProto& constant(const std::string& name, const Sizes& sizes,
                              onnx::TensorProto::DataType type) {
    onnx::TensorProto& tensor = *graph().add_initializer();
    tensor.set_name(name);
    tensor.set_data_type(type);
    for (const int64_t size : sizes) tensor.add_dims(size);
    return tensor;
  }
  OnnxFixture& ends_with(const std::string& name) {
    last_ = name;
    return *this;
  }

  /// The file.
  std::string bytes() {
    graph().clear_output();
    set_type(*graph().add_output(), last_, {});
    return model_.SerializeAsString();
  }

 private:
  onnx::AttributeProto& attribute(const std::string& key,
                                  onnx::AttributeProto::AttributeType type) {
    onnx::AttributeProto& a = *node().add_attribute();
    a.set_name(key);
    a.set_type(type);
    return a;
  }
  static void set_type(onnx::ValueInfoProto& value, const std::string& name, const Sizes& sizes) {
    value.set_name(name);
    auto& type = *value.mutable_type()->mutable_tensor_type();
    type.set_elem_type(onnx::TensorProto::FLOAT);
    type.mutable_shape();
    for (const int64_t size : sizes) {
      auto& dim = *type.mutable_shape()->add_dim();
      if (size < 0)
        dim.set_dim_param("n");
      else
        dim.set_dim_value(size);
    }
  }

  onnx::ModelProto model_;
  std::string last_ = "x";
};

/// A 1x1 convolution of one channel by 2, and 1.
inline OnnxFixture doubling_onnx() {
  OnnxFixture out;
  out.floats("w", {1, 1, 1, 1}, {2}).floats("b", {1}, {1}).add("Conv", "conv", {"x", "w", "b"});
  return out;
}

inline OnnxImport import_bytes(const std::string& bytes,
                               std::optional<std::span<const int64_t>> input = {}) {
  return build_onnx(parse_onnx_model(bytes, "m.onnx", "", input));
}

}  // namespace quantdyn::test
