#include "experiments/onnx/read_model.h"

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>

#include "experiments/formats/operator_table.h"
#include "experiments/onnx/lower_opset.h"
#include "experiments/onnx/tensors.h"

namespace quantdyn {
namespace {

namespace fs = std::filesystem;
using Kind = ConfigNode::Kind;
using Attribute = onnx::AttributeProto;

bool is_onnx_domain(const std::string& domain) { return domain.empty() || domain == "ai.onnx"; }

/// Of ONNX's own operators.
int64_t opset_of(const onnx::ModelProto& model, const std::string& name) {
  for (const auto& opset : model.opset_import()) {
    if (!is_onnx_domain(opset.domain())) continue;
    if (opset.version() < oldest_onnx_opset || opset.version() > newest_onnx_opset)
      throw_error<ConfigError>("{}: has opset {}; accepted: {} to {}", name, opset.version(),
                               oldest_onnx_opset, newest_onnx_opset);
    return opset.version();
  }
  throw_error<ConfigError>("{}: names no opset; accepted: {} to {}", name, oldest_onnx_opset,
                           newest_onnx_opset);
}

/// What libonnx would divide by.
void check_positive(const Attribute& attribute, const std::string& where) {
  const std::string& key = attribute.name();
  if (key != "strides" && key != "dilations" && key != "kernel_shape" && key != "group") return;
  const auto refuse = [&](int64_t found) {
    throw_error<ConfigError>("{}: {}: found {}; accepted: from 1 to 65536", where, key, found);
  };
  const auto is_good = [](int64_t i) { return i >= 1 && i <= 65536; };
  for (const int64_t i : attribute.ints())
    if (!is_good(i)) refuse(i);
  if (attribute.type() == Attribute::INT && key == "group" && !is_good(attribute.i()))
    refuse(attribute.i());
}

/// What can be refused before libonnx sees the nodes.
void check_nodes(const onnx::GraphProto& graph, const std::string& name) {
  const std::vector<std::string> known = operators_of(Format::onnx);
  for (const onnx::NodeProto& node : graph.node()) {
    const std::string where = place_of(node, name);
    const bool is_scale =
        node.op_type() == "QuantizeLinear" || node.op_type() == "DequantizeLinear";
    if (!is_onnx_domain(node.domain()) && !(is_scale && node.domain() == "com.microsoft"))
      throw_error<ConfigError>("{}: is an operator of the domain '{}'; accepted: ONNX's own", where,
                               node.domain());
    if (std::ranges::find(known, node.op_type()) == known.end())
      throw_error<ConfigError>("{}: this operator is not supported; accepted: {}", where,
                               operator_names(Format::onnx));
    if (node.output_size() == 0) throw_error<ConfigError>("{}: has no output", where);
    for (const Attribute& attribute : node.attribute()) {
      check_positive(attribute, where);
      if (attribute.has_g() || attribute.graphs_size() > 0 || attribute.has_sparse_tensor())
        throw_error<ConfigError>(
            "{}: {}: holds a graph or a sparse tensor; accepted: numbers, texts "
            "and dense tensors",
            where, attribute.name());
    }
  }
}

/// Refuses a node or an output whose value is nowhere in the model.
void check_names(const onnx::GraphProto& graph, const std::string& name) {
  std::set<std::string> known{""};
  for (const auto& input : graph.input()) known.insert(input.name());
  for (const auto& tensor : graph.initializer()) known.insert(tensor.name());
  for (const onnx::NodeProto& node : graph.node())
    known.insert(node.output().begin(), node.output().end());
  for (const onnx::NodeProto& node : graph.node())
    for (const std::string& input : node.input())
      if (!known.contains(input))
        throw_error<ConfigError>("{}: reads '{}', which is no constant and no result in the model",
                                 place_of(node, name), input);
  for (const auto& output : graph.output())
    if (!known.contains(output.name()))
      throw_error<ConfigError>("{}: its output '{}' is no result in the model", name,
                               output.name());
}

void load_external(onnx::GraphProto& graph, const std::string& name, const fs::path& folder) {
  int64_t bytes = 0;
  const auto load = [&](onnx::TensorProto& tensor, const std::string& where) {
    load_external_data(tensor, folder, where);
    bytes += static_cast<int64_t>(tensor.raw_data().size());
    if (bytes > 2 * largest_onnx_tensor)
      throw_error<ConfigError>("{}: constants of over 2 GiB up to this one", where);
  };
  for (auto& tensor : *graph.mutable_initializer())
    load(tensor, fmt::format("{}: constant '{}'", name, tensor.name()));
  for (auto& node : *graph.mutable_node())
    for (auto& attribute : *node.mutable_attribute())
      if (attribute.has_t()) load(*attribute.mutable_t(), place_of(node, name));
}

/// libonnx's own checks; `act` is one of its functions.
template <typename Act>
void with_library(const std::string& name, const Act& act) {
  try {
    act();
  } catch (const Error&) {
    throw;
  } catch (const std::exception& e) {
    std::string message = e.what();
    std::ranges::replace(message, '\n', ' ');
    throw_error<ConfigError>("{}: {}", name, message);
  }
}

ConfigNode::Pointer scalar(const std::string& text, bool quoted, const std::string& source) {
  auto out = std::make_shared<ConfigNode>();
  out->kind = Kind::scalar;
  out->scalar = text;
  out->quoted = quoted;
  out->source = source;
  return out;
}

template <typename Values>
ConfigNode::Pointer sequence(const Values& values, const std::string& source) {
  auto out = std::make_shared<ConfigNode>();
  out->kind = Kind::sequence;
  out->source = source;
  for (const auto& value : values)
    out->items.push_back(scalar(fmt::format("{}", value), false, source));
  return out;
}

/// An attribute as YAML would hold it; null for a tensor.
ConfigNode::Pointer value_of(const Attribute& attribute, const std::string& where) {
  switch (attribute.type()) {
    case Attribute::INT:
      return scalar(fmt::format("{}", attribute.i()), false, where);
    case Attribute::FLOAT:
      return scalar(fmt::format("{}", attribute.f()), false, where);
    case Attribute::STRING:
      return scalar(attribute.s(), true, where);
    case Attribute::INTS:
      return sequence(attribute.ints(), where);
    case Attribute::FLOATS:
      return sequence(attribute.floats(), where);
    case Attribute::TENSOR:
      return nullptr;
    default:
      throw_error<ConfigError>("{}: {}: has a type that no operator here takes", where,
                               attribute.name());
  }
}

OnnxNode node_of(const onnx::NodeProto& node, const std::string& name) {
  const std::string where = place_of(node, name);
  auto tree = std::make_shared<ConfigNode>();
  tree->kind = Kind::map;
  tree->source = where;
  std::map<std::string, OnnxTensor> tensors;
  for (const Attribute& attribute : node.attribute())
    if (ConfigNode::Pointer value = value_of(attribute, where))
      tree->entries.emplace_back(attribute.name(), std::move(value));
    else
      tensors[attribute.name()] =
          read_tensor(attribute.t(), fmt::format("{}: {}", where, attribute.name()));
  return {.name = node.name().empty() ? node.output(0) : node.name(),
          .operation = node.op_type(),
          .tree = tree,
          .attributes = Options::from_tree(tree),
          .tensors = std::move(tensors),
          .inputs = {node.input().begin(), node.input().end()},
          .outputs = {node.output().begin(), node.output().end()}};
}

/// The value of a Constant node.
OnnxTensor constant_of(const OnnxNode& node) {
  if (const auto tensor = node.tensors.find("value"); tensor != node.tensors.end())
    return tensor->second;
  const std::vector<std::string> keys = node.attributes.keys();
  const std::string key = keys.empty() ? "value" : keys[0];
  OnnxTensor out{.type_name = "int64", .sizes = {}, .floats = {}, .integers = {}};
  const bool is_list = key.ends_with("s");
  if (key == "value_int" || key == "value_ints") {
    out.type = OnnxTensor::Type::integers;
    out.integers = node.attributes.integers(key, Options::required, accept::any<int64_t>(), "");
  } else if (key == "value_float" || key == "value_floats") {
    out.type_name = "float32";
    for (double x : node.attributes.numbers(key, Options::required, accept::any<double>(), ""))
      out.floats.push_back(static_cast<float>(x));
  } else {
    node.attributes.refuse("", fmt::format("has '{}'; accepted: value, value_int, value_ints, "
                                           "value_float, value_floats",
                                           key));
  }
  if (is_list) out.sizes = {out.elements()};
  return out;
}

/// Whether channels are the input's last axis: everything that reads it moves them to the front.
bool has_channels_last(const onnx::GraphProto& graph, const onnx::ValueInfoProto& input) {
  std::set<std::string> values{input.name()};
  bool found = false;
  for (const onnx::NodeProto& node : graph.node()) {
    if (node.input_size() == 0 || !values.contains(node.input(0))) continue;
    const std::string& operation = node.op_type();
    if (operation == "Identity" || operation == "QuantizeLinear" ||
        operation == "DequantizeLinear") {
      values.insert(node.output(0));
      continue;
    }
    const std::vector<int64_t> to_front{0, 3, 1, 2};
    bool moves = false;
    for (const Attribute& attribute : node.attribute())
      moves =
          moves || (attribute.name() == "perm" && std::ranges::equal(attribute.ints(), to_front));
    const auto& shape = input.type().tensor_type().shape();
    if (operation == "Reshape") moves = shape.dim_size() == 4 && shape.dim(3).dim_value() == 1;
    if (!moves) return false;
    found = true;
  }
  return found;
}

/// The sizes as the file has them: "[N, 3, 224, 224]".
std::string text_of(const onnx::TensorShapeProto& shape) {
  std::vector<std::string> sizes;
  for (const auto& dim : shape.dim())
    sizes.push_back(dim.has_dim_value()       ? fmt::format("{}", dim.dim_value())
                    : dim.dim_param().empty() ? "?"
                                              : dim.dim_param());
  return fmt::format("[{}]", fmt::join(sizes, ", "));
}

constexpr int64_t largest_input = int64_t{1} << 31;

/// Sets what the file leaves open, the batch to 1, the rest to `image`.
std::vector<int64_t> fix_input(onnx::ValueInfoProto& input, bool channels_last,
                               std::optional<std::span<const int64_t>> image,
                               const std::string& name) {
  auto& type = *input.mutable_type()->mutable_tensor_type();
  const std::string where = fmt::format("{}: input '{}'", name, input.name());
  if (type.elem_type() != onnx::TensorProto::FLOAT)
    throw_error<ConfigError>("{}: holds {}; accepted: float32", where,
                             onnx_type_name(type.elem_type()));
  auto& shape = *type.mutable_shape();
  if (shape.dim_size() != 4)
    throw_error<ConfigError>(
        "{}: has the sizes {}; accepted: [batch, channels, height, width], or "
        "the like with channels last",
        where, text_of(shape));
  std::vector<int64_t> out{shape.dim(0).has_dim_value() ? shape.dim(0).dim_value() : 1};
  const std::string found = text_of(shape);
  for (int axis = 1; axis < 4; ++axis) {
    const int64_t size = shape.dim(axis).has_dim_value() ? shape.dim(axis).dim_value() : 0;
    const int64_t asked = image ? (*image)[channels_last ? axis - 1 : (axis + 1) % 3] : size;
    if (size > 0 && asked != size)
      throw_error<ConfigError>("{}: has the sizes {}, `input` says [{}]", where, found,
                               fmt::join(*image, ", "));
    out.push_back(asked);
  }
  for (int axis = 0; axis < 4; ++axis) {
    if (out[axis] < 1 || out[axis] > 1 << 16)
      throw_error<ConfigError>(
          "{}: has the sizes {}; accepted: sizes from 1 to 65536. Where height and width are open, "
          "expected `input: [height, width, channels]` beside `file`",
          where, found);
    shape.mutable_dim(axis)->set_dim_value(out[axis]);
  }
  if (out[0] * out[1] * out[2] > largest_input / out[3])
    throw_error<ConfigError>("{}: has the sizes {}; accepted: up to {} values", where, found,
                             largest_input);
  return out;
}

onnx::ValueInfoProto& only_input(onnx::GraphProto& graph, const std::string& name) {
  std::set<std::string> constants;
  for (const auto& tensor : graph.initializer()) constants.insert(tensor.name());
  std::vector<onnx::ValueInfoProto*> inputs;
  for (auto& input : *graph.mutable_input())
    if (!constants.contains(input.name())) inputs.push_back(&input);
  if (inputs.size() != 1 || graph.output_size() != 1)
    throw_error<ConfigError>("{}: has {} inputs and {} outputs; accepted: one of each", name,
                             inputs.size(), graph.output_size());
  return *inputs[0];
}

std::map<std::string, std::vector<int64_t>> infer_shapes(onnx::ModelProto& model,
                                                         const std::string& name) {
  onnx::GraphProto& graph = *model.mutable_graph();
  graph.clear_value_info();  // written for other sizes, perhaps
  graph.mutable_output(0)->mutable_type()->mutable_tensor_type()->clear_shape();
  with_library(name, [&] {
    onnx::shape_inference::InferShapes(model, onnx::OpSchemaRegistry::Instance(),
                                       onnx::ShapeInferenceOptions(false, 1, false));
  });
  std::map<std::string, std::vector<int64_t>> out;
  for (const auto& value : graph.value_info()) {
    if (!value.type().tensor_type().has_shape()) continue;
    std::vector<int64_t>& sizes = out[value.name()];
    for (const auto& dim : value.type().tensor_type().shape().dim())
      sizes.push_back(dim.has_dim_value() ? dim.dim_value() : -1);
  }
  return out;
}

/// Takes the values of floats out of a model, which then has only what shapes depend on.
void drop_floats(onnx::GraphProto& graph) {
  for (auto& tensor : *graph.mutable_initializer())
    if (tensor.data_type() == onnx::TensorProto::FLOAT) {
      tensor.clear_raw_data();
      tensor.clear_float_data();
    }
}

std::string bytes_of(const fs::path& file) {
  std::error_code error;
  if (!fs::is_regular_file(file, error))
    throw_error<ConfigError>("{}: no such file", file.string());
  const auto size = static_cast<int64_t>(fs::file_size(file, error));
  if (error || size > 2 * largest_onnx_tensor - 1)
    throw_error<ConfigError>(
        "{}: has {} bytes; accepted: under 2 GiB, larger models keep their "
        "weights as external data",
        file.string(), size);
  std::string out(static_cast<size_t>(size), '\0');
  std::ifstream in(file, std::ios::binary);
  if (!in.read(out.data(), size)) throw_error<ConfigError>("{}: cannot be read", file.string());
  return out;
}

}  // namespace

OnnxModel parse_onnx_model(std::string_view bytes, const std::string& name, const fs::path& folder,
                           std::optional<std::span<const int64_t>> image) {
  const auto parsed = std::make_shared<onnx::ModelProto>();
  onnx::ModelProto& model = *parsed;
  if (!model.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) || !model.has_graph())
    throw_error<ConfigError>("{}: is not an ONNX model, or is damaged", name);
  OnnxModel out;
  out.opset = opset_of(model, name);
  onnx::GraphProto& graph = *model.mutable_graph();
  if (model.functions_size() > 0 || graph.sparse_initializer_size() > 0)
    throw_error<ConfigError>("{}: has functions of its own or sparse constants; accepted: neither",
                             name);
  check_nodes(graph, name);
  check_names(graph, name);
  load_external(graph, name, folder);
  lower_opset(model, name);
  onnx::ValueInfoProto& input = only_input(graph, name);
  out.input = input.name();
  out.output = graph.output(0).name();
  out.input_sizes = fix_input(input, has_channels_last(graph, input), image, name);
  out.has_channels_last = has_channels_last(graph, input);
  with_library(name, [&] { onnx::checker::check_model(model); });
  for (const auto& tensor : graph.initializer())
    out.constants[tensor.name()] =
        read_tensor(tensor, fmt::format("{}: constant '{}'", name, tensor.name()));
  for (const onnx::NodeProto& node : graph.node()) out.nodes.push_back(node_of(node, name));
  std::erase_if(out.nodes, [&](const OnnxNode& node) {
    if (node.operation != "Constant") return false;
    out.constants[node.outputs[0]] = constant_of(node);
    return true;
  });
  drop_floats(graph);
  out.infer_shapes = [parsed, name] { return infer_shapes(*parsed, name); };
  return out;
}

OnnxModel read_onnx_model(const fs::path& file, std::optional<std::span<const int64_t>> image) {
  return parse_onnx_model(bytes_of(file), file.string(), file.parent_path(), image);
}

}  // namespace quantdyn
