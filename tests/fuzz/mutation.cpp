#include "tests/fuzz/mutation.h"

#include <array>
#include <random>

#include "experiments/formats/operator_table.h"
#include "tests/experiments/onnx/fixture.h"

namespace quantdyn::test {
namespace {

using Random = std::mt19937_64;

/// 0 ... n - 1; the standard's distributions differ between libraries.
size_t below(Random& random, size_t n) { return n == 0 ? 0 : random() % n; }

int64_t odd_number(Random& random) {
  constexpr std::array<int64_t, 16> numbers{0,
                                            1,
                                            -1,
                                            2,
                                            3,
                                            7,
                                            -2,
                                            255,
                                            1 << 16,
                                            1 << 20,
                                            1LL << 31,
                                            -(1LL << 31),
                                            (1LL << 31) - 1,
                                            1LL << 40,
                                            INT64_MAX,
                                            INT64_MIN};
  return numbers[below(random, numbers.size())];
}

std::string residual_net() {
  OnnxFixture m({-1, 3, 8, 8});
  m.floats("w", {4, 3, 3, 3}, Values(108, 0.1f)).floats("one", {4}, {1, 1, 1, 1});
  m.floats("zero", {4}, {0, 0, 0, 0}).floats("low", {}, {0}).floats("high", {}, {6});
  m.add("Conv", "c", {"x", "w"}).set("pads", Sizes{0, 0, 1, 1}).set("strides", Sizes{2, 2});
  m.add("BatchNormalization", "n", {"c", "one", "zero", "zero", "one"}).set("epsilon", 1e-3f);
  m.add("Clip", "r", {"n", "low", "high"});
  m.floats("d", {4, 1, 3, 3}, Values(36, 0.1f)).integers("pads", {8}, {0, 0, 1, 1, 0, 0, 1, 1});
  m.add("Pad", "p", {"r", "pads"}).set("mode", std::string("constant"));
  m.add("Conv", "dw", {"p", "d", "zero"}).set("group", int64_t{4});
  m.add("Add", "sum", {"dw", "r"}).add("Relu", "a");
  m.add("GlobalAveragePool", "g").add("Flatten", "f").set("axis", int64_t{1});
  m.floats("fc", {5, 4}, Values(20, 0.2f)).floats("fb", {5}, Values(5, 0.1f));
  m.add("Gemm", "fc_node", {"f", "fc", "fb"}).set("transB", int64_t{1}).set("alpha", 0.5f);
  m.add("Softmax", "s").set("axis", int64_t{-1});
  return m.bytes();
}

std::string gated_net() {
  OnnxFixture m({1, 6, 6, 2}, 13);
  m.add("Transpose", "t").set("perm", Sizes{0, 3, 1, 2});
  m.floats("w", {2, 2, 1, 1}, {1, 2, 3, 4});
  m.add("Conv", "c", {"t", "w"}).set("auto_pad", std::string("SAME_LOWER"));
  m.add("HardSigmoid", "h").set("alpha", 1.0f / 6).set("beta", 0.5f);
  m.add("Mul", "hs", {"c", "h"});
  m.add("ReduceMean", "mean").set("axes", Sizes{2, 3}).set("keepdims", int64_t{1});
  m.add("Sigmoid", "gate").add("Mul", "product", {"hs", "gate"});
  m.add("MaxPool", "max").set("kernel_shape", Sizes{2, 2}).set("strides", Sizes{2, 2});
  m.add("AveragePool", "avg", {"product"}).set("kernel_shape", Sizes{2, 2});
  m.set("strides", Sizes{2, 2}).set("count_include_pad", int64_t{1});
  m.add("Concat", "both", {"max", "avg"}).set("axis", int64_t{1}).add("LeakyRelu", "leaky");
  m.integers("i0", {}, {0}).integers("minus", {1}, {-1});
  m.add("Shape", "shape").add("Gather", "batch", {"shape", "i0"}).integers("ax", {1}, {0});
  m.add("Unsqueeze", "batch1", {"batch", "ax"});
  m.add("Concat", "target", {"batch1", "minus"}).set("axis", int64_t{0});
  m.add("Reshape", "flat", {"leaky", "target"});
  m.floats("mw", {36, 3}, Values(108, 0.1f)).floats("mb", {3}, {1, 2, 3});
  m.add("MatMul", "mm", {"flat", "mw"}).add("Add", "biased", {"mm", "mb"}).add("Dropout", "drop");
  return m.bytes();
}

std::string quantized_net() {
  OnnxFixture m({1, 1, 2, 2});
  m.floats("s", {}, {0.1f}).codes("z", {}, {0}, onnx::TensorProto::UINT8);
  m.floats("ws", {2}, {0.1f, 0.2f}).codes("wz", {2}, {0, 0}, onnx::TensorProto::INT8);
  m.codes("wq", {2, 1, 1, 1}, {3, -4}, onnx::TensorProto::INT8);
  m.add("QuantizeLinear", "q", {"x", "s", "z"}).add("DequantizeLinear", "dq", {"q", "s", "z"});
  m.add("DequantizeLinear", "w", {"wq", "ws", "wz"}).set("axis", int64_t{0});
  m.add("Conv", "c", {"dq", "w"});
  m.add("QuantizeLinear", "cq", {"c", "s", "z"}).add("DequantizeLinear", "cd", {"cq", "s", "z"});
  m.integers("steps", {1}, {1}).integers("from", {1}, {0}).integers("to", {1}, {2});
  m.add("Shape", "shape", {"cd"}).add("Slice", "start", {"shape", "from", "to", "from", "steps"});
  m.add("Cast", "cast").set("to", int64_t{7}).add("ConstantOfShape", "ones");
  m.integers("target", {2}, {1, -1}).add("GlobalAveragePool", "mean", {"cd"});
  m.add("Reshape", "flat", {"mean", "target"});
  return m.bytes();
}

void mutate_bytes(std::string& bytes, Random& random) {
  for (size_t count = 1 + below(random, 6); count-- > 0 && !bytes.empty();) {
    const size_t at = below(random, bytes.size());
    switch (below(random, 5)) {
      case 0:
        bytes[at] = static_cast<char>(bytes[at] ^ (1 << below(random, 8)));
        break;
      case 1:
        bytes[at] = static_cast<char>(random());
        break;
      case 2:
        bytes.erase(at, 1 + below(random, 8));
        break;
      case 3:
        bytes.insert(at, bytes.substr(below(random, bytes.size()), 1 + below(random, 40)));
        break;
      default:
        bytes.resize(at);
    }
  }
}

/// Any value of the graph.
std::string any_value(const onnx::GraphProto& graph, Random& random) {
  const size_t nodes = graph.node_size(), constants = graph.initializer_size();
  const size_t i = below(random, nodes + constants + 2);
  if (i < nodes && graph.node(static_cast<int>(i)).output_size() > 0)
    return graph.node(static_cast<int>(i)).output(0);
  if (i >= nodes && i < nodes + constants)
    return graph.initializer(static_cast<int>(i - nodes)).name();
  return i == nodes + constants ? "x" : "";
}

void mutate_attribute(onnx::NodeProto& node, Random& random) {
  if (node.attribute_size() == 0) return;
  onnx::AttributeProto& a =
      *node.mutable_attribute(static_cast<int>(below(random, node.attribute_size())));
  if (below(random, 6) == 0) a.set_type(onnx::AttributeProto::AttributeType(below(random, 14)));
  a.set_i(odd_number(random));
  a.set_f(below(random, 3) == 0 ? NAN : static_cast<float>(odd_number(random)));
  if (a.ints_size() > 0 && below(random, 4) > 0)
    a.set_ints(static_cast<int>(below(random, a.ints_size())), odd_number(random));
  else
    a.add_ints(odd_number(random));
}

void mutate_constant(onnx::TensorProto& tensor, Random& random) {
  switch (below(random, 5)) {
    case 0:
      if (tensor.dims_size() > 0)
        tensor.set_dims(static_cast<int>(below(random, tensor.dims_size())), odd_number(random));
      break;
    case 1:
      tensor.add_dims(odd_number(random));
      break;
    case 2:
      tensor.set_data_type(static_cast<int>(below(random, 24)));
      break;
    case 3:
      if (tensor.int64_data_size() > 0)
        tensor.set_int64_data(static_cast<int>(below(random, tensor.int64_data_size())),
                              odd_number(random));
      else if (tensor.float_data_size() > 0)
        tensor.set_float_data(0, below(random, 2) ? INFINITY : NAN);
      break;
    default: {
      tensor.set_data_location(onnx::TensorProto::EXTERNAL);
      auto& entry = *tensor.add_external_data();
      entry.set_key("location");
      entry.set_value(below(random, 2) ? "../../etc/passwd" : "absent.bin");
    }
  }
}

void mutate_fields(onnx::ModelProto& model, Random& random) {
  onnx::GraphProto& graph = *model.mutable_graph();
  if (graph.node_size() == 0) return;
  onnx::NodeProto& node = *graph.mutable_node(static_cast<int>(below(random, graph.node_size())));
  static const std::vector<std::string> operations = operators_of(Format::onnx);
  switch (below(random, 10)) {
    case 0:
      if (node.input_size() > 0)
        node.set_input(static_cast<int>(below(random, node.input_size())),
                       any_value(graph, random));
      break;
    case 1:
      node.add_input(any_value(graph, random));
      break;
    case 2:
      node.set_op_type(operations[below(random, operations.size())]);
      break;
    case 3:
      graph.mutable_node()->SwapElements(static_cast<int>(below(random, graph.node_size())),
                                         static_cast<int>(below(random, graph.node_size())));
      break;
    case 4:
      graph.mutable_node()->DeleteSubrange(static_cast<int>(below(random, graph.node_size())), 1);
      break;
    case 5:
    case 6:
      mutate_attribute(node, random);
      break;
    case 7:
      if (node.attribute_size() > 0) node.mutable_attribute()->RemoveLast();
      break;
    case 8:
      if (auto& opset = *model.mutable_opset_import(0); below(random, 3) == 0)
        opset.set_version(odd_number(random));
      else
        opset.set_version(static_cast<int64_t>(7 + below(random, 22)));
      break;
    default:
      if (graph.initializer_size() > 0)
        mutate_constant(
            *graph.mutable_initializer(static_cast<int>(below(random, graph.initializer_size()))),
            random);
  }
}

}  // namespace

std::string mutated(const std::vector<std::string>& seeds, uint64_t seed, uint64_t i) {
  Random random(seed * 0x9e3779b97f4a7c15u + i);
  std::string bytes = seeds[below(random, seeds.size())];
  mutate_bytes(bytes, random);
  return bytes;
}

std::vector<std::string> onnx_seeds() { return {residual_net(), gated_net(), quantized_net()}; }

std::string mutated_onnx(const std::vector<std::string>& seeds, uint64_t seed, uint64_t i) {
  Random random(seed * 0x9e3779b97f4a7c15u + i);
  std::string bytes = seeds[below(random, seeds.size())];
  const size_t kind = below(random, 4);
  if (kind > 0) {
    onnx::ModelProto model;
    model.ParseFromString(bytes);
    for (size_t count = 1 + below(random, 4); count-- > 0 && model.opset_import_size() > 0;)
      mutate_fields(model, random);
    bytes = model.SerializePartialAsString();
  }
  if (kind < 2) mutate_bytes(bytes, random);
  return bytes;
}

}  // namespace quantdyn::test
