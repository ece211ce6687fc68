// QuantizeLinear and DequantizeLinear: taken out of the net, their scales noted.
#include <algorithm>
#include <cmath>

#include "experiments/onnx/handlers.h"

namespace quantdyn {
namespace {

/// The type of codes, from the zero point's; uint8 without one.
void set_type(const OnnxNode& node, const std::string& type, OnnxScale& scale) {
  const bool is_8 = type == "int8" || type == "uint8", is_16 = type == "int16" || type == "uint16";
  if (!is_8 && !is_16 && type != "int32")
    node.attributes.refuse("", fmt::format("has codes of type {}; accepted: int8, uint8, int16, "
                                           "uint16, and int32 for biases",
                                           type));
  scale.is_signed = type[0] == 'i';
  scale.bit_width = is_8 ? 8 : is_16 ? 16 : 32;
}

/// Scale and zero point of either node. `codes`: the type of what DequantizeLinear reads.
OnnxScale scale_of(const OnnxBuilder& builder, const OnnxNode& node, const std::string& codes) {
  const OnnxTensor& scale = builder.required_floats(node, 1, "its scale");
  OnnxScale out;
  out.scale = scale.floats;
  out.zero_point.assign(out.scale.size(), 0);
  std::string type = codes;
  if (node.has_input(2)) {
    const OnnxTensor& zero = builder.required_constant(node, 2, "its zero point");
    type = zero.type_name;
    if (zero.type != OnnxTensor::Type::integers || zero.elements() != scale.elements())
      node.attributes.refuse(
          "", fmt::format("has {} {} as zero point, {} as scale; accepted: whole "
                          "numbers of the same sizes",
                          zero.type_name, yaml_list(zero.sizes), yaml_list(scale.sizes)));
    out.zero_point = zero.integers;
  }
  set_type(node, type, out);
  out.axis = node.attributes.integer("axis", 1, accept::between<int64_t>(-4, 3), "of the scales");
  if (scale.sizes.size() > 1 || out.scale.empty())
    node.attributes.refuse("", fmt::format("has a scale of sizes {}; accepted: one number, or one "
                                           "for each index of an axis",
                                           yaml_list(scale.sizes)));
  if (out.is_per_tensor()) out.axis = 0;
  for (const int64_t zero : out.zero_point)
    if (zero < out.lowest_code() || zero > out.highest_code())
      node.attributes.refuse("", fmt::format("has the zero point {}; accepted: {} to {}", zero,
                                             out.lowest_code(), out.highest_code()));
  for (const float s : out.scale)
    if (!(s > 0)) node.attributes.refuse("", fmt::format("has the scale {}; accepted: over 0", s));
  return out;
}

/// Calls work(i, entry) for each value of a constant and its scale's index.
template <typename Work>
void for_entries(const OnnxNode& node, const OnnxTensor& tensor, OnnxScale& scale,
                 const Work& work) {
  const auto rank = static_cast<int64_t>(tensor.sizes.size());
  if (scale.axis < 0) scale.axis += rank;
  int64_t inner = 1;
  if (!scale.is_per_tensor()) {
    if (scale.axis < 0 || scale.axis >= rank ||
        tensor.sizes[scale.axis] != static_cast<int64_t>(scale.scale.size()))
      node.attributes.refuse("", fmt::format("has {} scales on axis {} of {}", scale.scale.size(),
                                             scale.axis, yaml_list(tensor.sizes)));
    for (int64_t axis = scale.axis + 1; axis < rank; ++axis) inner *= tensor.sizes[axis];
  }
  const auto entries = static_cast<int64_t>(scale.scale.size());
  for (int64_t i = 0; i < tensor.elements(); ++i) work(i, i / inner % entries);
}

/// Of a constant: its codes.
OnnxTensor quantized(const OnnxNode& node, const OnnxTensor& tensor, OnnxScale scale) {
  OnnxTensor out{.type = OnnxTensor::Type::integers,
                 .type_name = fmt::format("{}int{}", scale.is_signed ? "" : "u", scale.bit_width),
                 .sizes = tensor.sizes,
                 .floats = {},
                 .integers = std::vector<int64_t>(tensor.floats.size())};
  for_entries(node, tensor, scale, [&](int64_t i, int64_t entry) {
    const double code = std::nearbyint(tensor.floats[i] / scale.scale[entry]) +
                        static_cast<double>(scale.zero_point[entry]);
    out.integers[i] = static_cast<int64_t>(std::clamp(
        code, static_cast<double>(scale.lowest_code()), static_cast<double>(scale.highest_code())));
  });
  return out;
}

/// Of constant codes: their values.
OnnxTensor dequantized(const OnnxNode& node, const OnnxTensor& codes, OnnxScale scale) {
  OnnxTensor out{.type = OnnxTensor::Type::floats,
                 .type_name = "float32",
                 .sizes = codes.sizes,
                 .floats = std::vector<float>(codes.integers.size()),
                 .integers = {}};
  for_entries(node, codes, scale, [&](int64_t i, int64_t entry) {
    out.floats[i] =
        static_cast<float>(codes.integers[i] - scale.zero_point[entry]) * scale.scale[entry];
  });
  out.quantized = std::move(scale);
  return out;
}

/// onnxruntime takes a Relu or a Clip from 0 to 6 out where codes end at 0 and saturate there: puts
/// it back after a node that can be negative, if only such codes read the value.
std::string restored_clip(OnnxBuilder& builder, const OnnxNode& node, const OnnxValue& x,
                          const OnnxScale& scale) {
  const std::string& name = x.in_net.node;
  const Layer<float>* const layer = builder.net().layer_of(name);
  const bool may_be_negative =
      layer && (layer->linear() || layer->channel_affine() || layer->is_sum());
  const bool ends_at_0 = scale.is_per_tensor() && scale.zero_point[0] == scale.lowest_code();
  const std::vector<const OnnxNode*> readers = builder.readers(node.inputs[0]);
  const bool only_codes = std::ranges::all_of(readers, [](const OnnxNode* reader) {
    return reader && reader->operation == "QuantizeLinear";
  });
  if (!may_be_negative || !ends_at_0 || !only_codes) return name;
  const double high = static_cast<double>(scale.scale[0]) *
                      static_cast<double>(scale.highest_code() - scale.lowest_code());
  return builder.add_node(node, std::abs(high - 6) <= scale.scale[0] / 2 ? "relu6" : "relu",
                          {name});
}

}  // namespace

void add_onnx_quantize(OnnxBuilder& builder, const OnnxNode& node) {
  const OnnxScale scale = scale_of(builder, node, "uint8");
  if (builder.constant(node, 0))
    return builder.set_constant(
        node, quantized(node, builder.required_floats(node, 0, "its input"), scale));
  OnnxValue out = builder.padded_value(node, 0);
  if (scale.bit_width > 16 || !scale.is_per_tensor())
    node.attributes.refuse("", fmt::format("gives an activation {} scales and {} bits; accepted: "
                                           "one scale, 8 or 16 bits",
                                           scale.scale.size(), scale.bit_width));
  std::string& restored = builder.restored(node.inputs[0]);
  if (restored.empty()) restored = restored_clip(builder, node, out, scale);
  out.in_net.node = restored;
  out.codes = scale;
  builder.note_scale(out.in_net.node, TensorRole::output, scale);
  builder.set_result(node, out);
}

/// torch casts the codes of QuantizeLinear to the type that they have.
void add_onnx_cast(OnnxBuilder& builder, const OnnxNode& node) {
  const OnnxValue* const x = builder.find_value(node.inputs[0]);
  if (!x || !x->codes)
    node.attributes.refuse("",
                           "computes with values of images; accepted: of constants, shapes "
                           "and codes of QuantizeLinear");
  const std::string have =
      fmt::format("{}int{}", x->codes->is_signed ? "" : "u", x->codes->bit_width);
  const std::string to = onnx_type_name(static_cast<int32_t>(
      node.attributes.integer("to", Options::required, accept::between<int64_t>(0, 1000), "")));
  if (to != have)
    node.attributes.refuse("to", fmt::format("found {} of {} codes; accepted: {}", to, have, have));
  builder.set_result(node, *x);
}

void add_onnx_dequantize(OnnxBuilder& builder, const OnnxNode& node) {
  if (const OnnxTensor* const codes = builder.constant(node, 0)) {
    if (codes->type != OnnxTensor::Type::integers)
      node.attributes.refuse("", "reads a constant that holds no codes");
    return builder.set_constant(
        node, dequantized(node, *codes, scale_of(builder, node, codes->type_name)));
  }
  const OnnxValue* const x = builder.find_value(node.inputs[0]);
  if (!x || !x->codes)
    node.attributes.refuse(
        "", fmt::format("reads '{}'; accepted: codes of QuantizeLinear", node.inputs[0]));
  OnnxValue out = *x;
  const std::string type =
      fmt::format("{}int{}", out.codes->is_signed ? "" : "u", out.codes->bit_width);
  if (!(scale_of(builder, node, type) == *out.codes))
    node.attributes.refuse("", "has another scale or zero point than the QuantizeLinear before it");
  out.codes = {};
  builder.set_result(node, out);
}

}  // namespace quantdyn
