// An ONNX model while it is written: nodes, initializers, and the model's frame around them.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "experiments/onnx/onnx_library.h"
#include "framework/base/tensor.h"

namespace quantdyn {

/// Adds nodes and initializers to the graph of a model. A value has the name of the node that gives
/// it.
class OnnxGraph {
 public:
  explicit OnnxGraph(const std::string& name);

  /// A node `name` that gives the value `name`; attributes are added to what it returns.
  onnx::NodeProto& add(const std::string& op, const std::string& name,
                       const std::vector<std::string>& inputs);
  static void set(onnx::NodeProto& node, const std::string& attribute, int64_t value);
  static void set(onnx::NodeProto& node, const std::string& attribute, float value);
  static void set(onnx::NodeProto& node, const std::string& attribute,
                  const std::vector<int64_t>& values);

  /// An initializer with the values, row-major; no sizes: a scalar. Returns its name.
  template <typename T>
  std::string constant(const std::string& name, const std::vector<int64_t>& sizes,
                       std::span<const T> values) {
    add_constant(name, sizes, type_of(T{}), values.data(), values.size_bytes());
    return name;
  }
  template <typename T>
  std::string constant(const std::string& name, const std::vector<int64_t>& sizes,
                       const std::vector<T>& values) {
    return constant(name, sizes, std::span<const T>(values));
  }

  /// float32 values of any number of images, [N, sizes...].
  void set_input(const std::string& name, const std::vector<int64_t>& sizes);
  void set_output(const std::string& name, const std::vector<int64_t>& sizes);
  /// A fact about the model for people and programs.
  void set_fact(const std::string& key, const std::string& value);
  /// Texts about nodes, by name, which viewers show; those of nodes that are not there are left
  /// out.
  void describe(const std::map<std::string, std::string>& texts);
  /// The least version of the operators' definitions that the graph needs.
  void require_opset(int64_t version);

  /// Checks the model with ONNX's checker, and the output's shape with its shape inference, and
  /// returns its bytes. Error: a model that ONNX refuses, or of 2 GB and more, which one file
  /// cannot hold.
  std::string bytes();

 private:
  static int type_of(float) { return onnx::TensorProto::FLOAT; }
  static int type_of(int8_t) { return onnx::TensorProto::INT8; }
  static int type_of(uint8_t) { return onnx::TensorProto::UINT8; }
  static int type_of(int32_t) { return onnx::TensorProto::INT32; }
  static int type_of(int64_t) { return onnx::TensorProto::INT64; }
  void add_constant(const std::string& name, const std::vector<int64_t>& sizes, int type,
                    const void* values, size_t bytes);
  onnx::GraphProto& graph() { return *model_.mutable_graph(); }

  onnx::ModelProto model_;
};

}  // namespace quantdyn
