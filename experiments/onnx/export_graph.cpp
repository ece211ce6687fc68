#include "experiments/onnx/export_graph.h"

#include <bit>

#include "framework/base/error.h"
#include "framework/base/version.h"

namespace quantdyn {
namespace {

constexpr int64_t ir_version = 7;    // the version of the file format that came with opset 13
constexpr int64_t first_opset = 13;  // DequantizeLinear with a scale for each channel
constexpr size_t most_bytes = (size_t{1} << 31) - 1;  // of one protobuf message

static_assert(std::endian::native == std::endian::little, "ONNX keeps raw values little-endian");

void set_value(onnx::ValueInfoProto& value, const std::string& name,
               const std::vector<int64_t>& sizes) {
  value.set_name(name);
  auto& type = *value.mutable_type()->mutable_tensor_type();
  type.set_elem_type(onnx::TensorProto::FLOAT);
  type.mutable_shape()->add_dim()->set_dim_param("N");
  for (const int64_t size : sizes) type.mutable_shape()->add_dim()->set_dim_value(size);
}

}  // namespace

OnnxGraph::OnnxGraph(const std::string& name) {
  model_.set_ir_version(ir_version);
  model_.set_producer_name("quantdyn");
  model_.set_producer_version(library_version);
  model_.add_opset_import()->set_version(first_opset);
  graph().set_name(name);
}

onnx::NodeProto& OnnxGraph::add(const std::string& op, const std::string& name,
                                const std::vector<std::string>& inputs) {
  onnx::NodeProto& node = *graph().add_node();
  node.set_op_type(op);
  node.set_name(name);
  for (const std::string& input : inputs) node.add_input(input);
  node.add_output(name);
  return node;
}

void OnnxGraph::set(onnx::NodeProto& node, const std::string& attribute, int64_t value) {
  onnx::AttributeProto& out = *node.add_attribute();
  out.set_name(attribute);
  out.set_type(onnx::AttributeProto::INT);
  out.set_i(value);
}

void OnnxGraph::set(onnx::NodeProto& node, const std::string& attribute, float value) {
  onnx::AttributeProto& out = *node.add_attribute();
  out.set_name(attribute);
  out.set_type(onnx::AttributeProto::FLOAT);
  out.set_f(value);
}

void OnnxGraph::set(onnx::NodeProto& node, const std::string& attribute,
                    const std::vector<int64_t>& values) {
  onnx::AttributeProto& out = *node.add_attribute();
  out.set_name(attribute);
  out.set_type(onnx::AttributeProto::INTS);
  for (const int64_t value : values) out.add_ints(value);
}

void OnnxGraph::add_constant(const std::string& name, const std::vector<int64_t>& sizes, int type,
                             const void* values, size_t bytes) {
  onnx::TensorProto& out = *graph().add_initializer();
  out.set_name(name);
  out.set_data_type(type);
  for (const int64_t size : sizes) out.add_dims(size);
  out.set_raw_data(values, bytes);
}

void OnnxGraph::set_input(const std::string& name, const std::vector<int64_t>& sizes) {
  set_value(*graph().add_input(), name, sizes);
}

void OnnxGraph::set_output(const std::string& name, const std::vector<int64_t>& sizes) {
  set_value(*graph().add_output(), name, sizes);
}

void OnnxGraph::set_fact(const std::string& key, const std::string& value) {
  onnx::StringStringEntryProto& fact = *model_.add_metadata_props();
  fact.set_key(key);
  fact.set_value(value);
}

void OnnxGraph::describe(const std::map<std::string, std::string>& texts) {
  for (onnx::NodeProto& node : *graph().mutable_node())
    if (const auto found = texts.find(node.name()); found != texts.end())
      node.set_doc_string(found->second);
}

void OnnxGraph::require_opset(int64_t version) {
  auto& opset = *model_.mutable_opset_import(0);
  opset.set_version(std::max(opset.version(), version));
}

std::string OnnxGraph::bytes() {
  if (model_.ByteSizeLong() > most_bytes)
    throw_error<Error>("the ONNX model has {} bytes; accepted: at most {}", model_.ByteSizeLong(),
                       most_bytes);
  std::string out;
  try {
    onnx::checker::check_model(model_);
    onnx::ModelProto inferred = model_;
    onnx::shape_inference::InferShapes(inferred, onnx::OpSchemaRegistry::Instance(),
                                       {/*check_type=*/true, /*strict_mode=*/1, /*data_prop=*/0});
  } catch (const std::exception& e) {
    throw_error<Error>("ONNX refuses the exported model: {}", e.what());
  }
  if (!model_.SerializeToString(&out)) throw_error<Error>("the ONNX model cannot be serialized");
  return out;
}

}  // namespace quantdyn
