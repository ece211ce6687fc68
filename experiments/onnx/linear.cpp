// Convolutions, dense layers, and the batch norms after them.
#include <algorithm>
#include <numeric>

#include "experiments/formats/momentum.h"
#include "experiments/onnx/handlers.h"
#include "experiments/onnx/window.h"

namespace quantdyn {
namespace {

/// What constants make of a linear node's result, by output channel: scale y + shift.
struct AfterLinear {
  std::vector<float> scale, shift;
  bool has_scale = false, has_shift = false;
  std::optional<OnnxScale> quantized = {};  ///< of the shift, a quantized bias
};

/// The constant of a Mul or Add that alone reads a value and has one number for each channel, which
/// are on axis `channel_axis` from the end; null if there is none.
const OnnxTensor* constant_after(OnnxBuilder& builder, const OnnxNode& reader,
                                 const std::string& value, int64_t channels, size_t channel_axis) {
  if (reader.inputs.size() != 2) return nullptr;
  const size_t other = reader.inputs[0] == value ? 1 : 0;
  const OnnxTensor* const found = builder.constant(reader, other);
  if (!found || found->type != OnnxTensor::Type::floats || found->elements() != channels)
    return nullptr;
  const std::vector<int64_t>& sizes = found->sizes;
  const bool fits = sizes.size() >= channel_axis && sizes[sizes.size() - channel_axis] == channels;
  return fits ? &builder.required_floats(reader, other, "its constant") : nullptr;
}

/// Follows a linear node's result through Mul and Add of constants, and merges them into the node.
/// `bias`: the node's own; empty: none. A quantized weight is not scaled, and takes one bias.
AfterLinear after_linear(OnnxBuilder& builder, const OnnxNode& node, std::span<const float> bias,
                         int64_t channels, size_t channel_axis, bool is_quantized) {
  AfterLinear out{.scale = std::vector<float>(static_cast<size_t>(channels), 1),
                  .shift = std::vector<float>(static_cast<size_t>(channels), 0)};
  out.has_shift = !bias.empty();
  std::ranges::copy(bias, out.shift.begin());
  for (const OnnxNode* last = &node;;) {
    const std::string& value = last->outputs[0];
    const OnnxNode* const add = builder.only_reader(value, "Add");
    const OnnxNode* const product = is_quantized ? nullptr : builder.only_reader(value, "Mul");
    const OnnxNode* const next = add ? add : product;
    const OnnxTensor* const constant =
        next ? constant_after(builder, *next, value, channels, channel_axis) : nullptr;
    if (!constant || (out.has_shift && is_quantized)) return out;
    for (size_t i = 0; i < out.scale.size(); ++i)
      if (add) {
        out.shift[i] += constant->floats[i];
      } else {
        out.scale[i] *= constant->floats[i];
        out.shift[i] *= constant->floats[i];
      }
    (add ? out.has_shift : out.has_scale) = true;
    if (add) out.quantized = constant->quantized;
    builder.merge(*next, node);
    last = next;
  }
}

/// Loads weight [..., K] and bias of a linear node with what comes after it.
void load_linear(OnnxBuilder& builder, const OnnxNode& node, const std::string& name,
                 std::vector<float> weight, const AfterLinear& after) {
  if (after.has_scale)
    for (size_t i = 0; i < weight.size(); ++i) weight[i] *= after.scale[i % after.scale.size()];
  const std::vector<int64_t> sizes{static_cast<int64_t>(weight.size())};
  check_finite(node.attributes, "its scaled weight", sizes, weight);
  builder.net().load(name, "weight", weight);
  if (!after.has_shift) return;
  const std::vector<int64_t> channels{static_cast<int64_t>(after.shift.size())};
  check_finite(node.attributes, "its bias with the constants after it", channels, after.shift);
  builder.net().load(name, "bias", after.shift);
  if (after.quantized) builder.note_scale(name, TensorRole::bias, *after.quantized);
}

/// Notes the scales of a weight whose output channels are on one of ONNX's axes.
void note_weight_scale(OnnxBuilder& builder, const OnnxNode& node, const std::string& name,
                       const OnnxTensor& weight, int64_t output_axis) {
  if (!weight.quantized) return;
  const OnnxScale& scale = *weight.quantized;
  if (!scale.is_per_tensor() && scale.axis != output_axis)
    node.attributes.refuse(
        "", fmt::format("its weight has a scale for each index of axis {}; accepted: one for each "
                        "output channel, axis {}",
                        scale.axis, output_axis));
  builder.note_scale(name, TensorRole::weight, scale);
}

/// [K,C/g,kh,kw] -> [kh,kw,C/g,K].
std::vector<float> to_channels_last(const OnnxTensor& weight) {
  const int64_t k = weight.sizes[0], c = weight.sizes[1],
                pixels = weight.sizes[2] * weight.sizes[3];
  std::vector<float> out(weight.floats.size());
  for (int64_t i = 0; i < k; ++i)
    for (int64_t j = 0; j < c; ++j)
      for (int64_t pixel = 0; pixel < pixels; ++pixel)
        out[(pixel * c + j) * k + i] = weight.floats[(i * c + j) * pixels + pixel];
  return out;
}

/// A dense layer's weight, as [in, out], in the order in which the net has the inputs.
struct DenseWeight {
  int64_t in, out;
  std::vector<float> values;
};

DenseWeight dense_weight(const OnnxNode& node, const OnnxValue& x, const Shape& input,
                         const OnnxTensor& weight, bool is_transposed, float factor) {
  if (weight.sizes.size() != 2)
    node.attributes.refuse("", fmt::format("its weight has the sizes {}; accepted: two axes",
                                           yaml_list(weight.sizes)));
  DenseWeight w{weight.sizes[is_transposed], weight.sizes[!is_transposed], {}};
  if (w.in != input.elements())
    node.attributes.refuse(
        "", fmt::format("its weight has {} inputs, it reads {}", w.in, input.elements()));
  // Where in ONNX's order the net's i-th input is.
  std::vector<int64_t> place(static_cast<size_t>(w.in));
  std::iota(place.begin(), place.end(), 0);
  if (x.flattened_from) {
    const Shape& image = *x.flattened_from;
    const int64_t pixels = image[0] * image[1], channels = image[2];
    for (int64_t i = 0; i < w.in; ++i) place[i] = i % channels * pixels + i / channels;
  }
  w.values.resize(static_cast<size_t>(w.in * w.out));
  for (int64_t i = 0; i < w.in; ++i)
    for (int64_t j = 0; j < w.out; ++j)
      w.values[i * w.out + j] =
          factor * weight.floats[is_transposed ? j * w.in + place[i] : place[i] * w.out + j];
  return w;
}

const OnnxValue& dense_input(OnnxBuilder& builder, const OnnxNode& node) {
  const OnnxValue& x = builder.value(node, 0);
  if (x.rank != 2)
    node.attributes.refuse("", fmt::format("reads '{}' of sizes {}; accepted: [batch, channels]",
                                           node.inputs[0], yaml_list(builder.sizes_of(x))));
  return x;
}

struct DenseOptions {
  bool is_transposed = false;
  float alpha = 1, beta = 1;
};

void add_dense(OnnxBuilder& builder, const OnnxNode& node, const OnnxTensor* bias,
               const DenseOptions& options) {
  const OnnxValue& x = dense_input(builder, node);
  const OnnxTensor& weight = builder.required_floats(node, 1, "its weight");
  if (weight.quantized && options.alpha != 1)
    node.attributes.refuse("alpha", "accepted beside a quantized weight: 1");
  const DenseWeight w = dense_weight(node, x, builder.net().shape_of(x.in_net.node), weight,
                                     options.is_transposed, options.alpha);
  std::vector<float> own;
  if (bias) {
    if (bias->elements() != 1 && bias->elements() != w.out)
      node.attributes.refuse("",
                             fmt::format("its bias has the sizes {}; accepted: one or {} values",
                                         yaml_list(bias->sizes), w.out));
    for (int64_t i = 0; i < w.out; ++i)
      own.push_back(options.beta * bias->floats[bias->elements() == 1 ? 0 : i]);
  }
  AfterLinear after = after_linear(builder, node, own, w.out, 1, weight.quantized.has_value());
  if (bias) after.quantized = bias->quantized;
  const std::string name =
      builder.add_node(node, "dense", {x.in_net.node},
                       {{"units", std::to_string(w.out)}, {"bias", yaml_flag(after.has_shift)}});
  load_linear(builder, node, name, w.values, after);
  note_weight_scale(builder, node, name, weight, options.is_transposed ? 0 : 1);
  builder.set_result(node, {.in_net = {name, {}, ""}, .rank = 2});
}

/// One value for each channel of a batch norm.
const OnnxTensor& channel_values(OnnxBuilder& builder, const OnnxNode& node, size_t i,
                                 const std::string& what, int64_t channels) {
  const OnnxTensor& out = builder.required_floats(node, i, what);
  const std::vector<int64_t> needed{channels};
  check_array(node.attributes, what, out.sizes, needed);
  return out;
}

}  // namespace

void add_onnx_conv(OnnxBuilder& builder, const OnnxNode& node) {
  const OnnxValue& x = builder.padded_image(node, 0);
  const OnnxTensor& weight = builder.required_floats(node, 1, "its weight");
  const int64_t channels = builder.net().shape_of(x.in_net.node).channels();
  const int64_t groups = node.attributes.integer("group", 1, accept::at_least<int64_t>(1), "");
  if (weight.sizes.size() != 4 || weight.sizes[1] * groups != channels)
    node.attributes.refuse(
        "", fmt::format("its weight has the sizes {}; accepted with {} input channels in {} "
                        "groups: [outputs, {}, height, width]",
                        yaml_list(weight.sizes), channels, groups, channels / groups));
  const int64_t outputs = weight.sizes[0];
  OnnxBuilder::Entries entries =
      onnx_window(builder, node, x, {weight.sizes[2], weight.sizes[3]}, OnnxPadding::zeros);
  const OnnxTensor* const bias =
      node.has_input(2) ? &builder.required_floats(node, 2, "its bias") : nullptr;
  if (bias && bias->elements() != outputs)
    node.attributes.refuse("", fmt::format("its bias has the sizes {}; accepted: [{}]",
                                           yaml_list(bias->sizes), outputs));
  AfterLinear after =
      after_linear(builder, node, bias ? std::span<const float>(bias->floats) : std::span<float>{},
                   outputs, 3, weight.quantized.has_value());
  if (bias) after.quantized = bias->quantized;
  entries.emplace_back("channels", std::to_string(outputs));
  entries.emplace_back("groups", std::to_string(groups));
  entries.emplace_back("bias", yaml_flag(after.has_shift));
  const std::string name = builder.add_node(node, "conv2d", {x.in_net.node}, entries);
  load_linear(builder, node, name, to_channels_last(weight), after);
  note_weight_scale(builder, node, name, weight, 0);
  builder.set_result(node, {.in_net = {name, {}, ""}});
}

void add_onnx_gemm(OnnxBuilder& builder, const OnnxNode& node) {
  const auto bit = accept::between<int64_t>(0, 1);
  if (node.attributes.integer("transA", 0, bit, "") != 0)
    node.attributes.refuse("transA", "accepted: 0");
  const auto any = accept::any<double>();
  DenseOptions options{.is_transposed = node.attributes.integer("transB", 0, bit, "") == 1,
                       .alpha = static_cast<float>(node.attributes.number("alpha", 1.0, any, "")),
                       .beta = static_cast<float>(node.attributes.number("beta", 1.0, any, ""))};
  const OnnxTensor* const bias =
      node.has_input(2) ? &builder.required_floats(node, 2, "its bias") : nullptr;
  if (!bias) options.beta = 1;
  if (bias && bias->quantized && options.beta != 1)
    node.attributes.refuse("beta", "accepted beside a quantized bias: 1");
  add_dense(builder, node, bias, options);
}

void add_onnx_mat_mul(OnnxBuilder& builder, const OnnxNode& node) {
  add_dense(builder, node, nullptr, {});
}

void add_onnx_batch_norm(OnnxBuilder& builder, const OnnxNode& node) {
  const OnnxValue& x = builder.value(node, 0);
  if (x.has_channels_last || x.flattened_from)
    node.attributes.refuse("", "reads values whose second axis is not that of channels");
  for (size_t i = 1; i < node.outputs.size(); ++i)
    if (!node.outputs[i].empty() && !builder.readers(node.outputs[i]).empty())
      node.attributes.refuse("", fmt::format("its output '{}', of training, is read; accepted: "
                                             "only the first is",
                                             node.outputs[i]));
  const int64_t channels = builder.net().shape_of(x.in_net.node).channels();
  const double epsilon = node.attributes.number("epsilon", 1e-5, accept::at_least(0.0), "");
  const double momentum = node.attributes.number("momentum", 0.9, accept::between(0.0, 1.0), "");
  const auto any = accept::any<int64_t>();
  if (node.attributes.integer("training_mode", 0, any, "") != 0)
    node.attributes.refuse("training_mode", "accepted: 0");
  if (node.attributes.integer("spatial", 1, any, "") != 1)
    node.attributes.refuse("spatial", "accepted: 1");
  const OnnxTensor* const arrays[] = {&channel_values(builder, node, 1, "its scale", channels),
                                      &channel_values(builder, node, 2, "its bias", channels),
                                      &channel_values(builder, node, 3, "its mean", channels),
                                      &channel_values(builder, node, 4, "its variance", channels)};
  for (const OnnxTensor* array : arrays)
    if (array->quantized)
      node.attributes.refuse("", "its parameters are quantized; accepted: float32");
  for (const float variance : arrays[3]->floats)
    if (!(variance + epsilon > 0))
      node.attributes.refuse("", fmt::format("its variance {} and epsilon {} have no square root "
                                             "over 0",
                                             variance, epsilon));
  const std::string name =
      builder.add_node(node, "batch_norm", {x.in_net.node},
                       {{"epsilon", fmt::format("{}", epsilon)},
                        {"momentum", fmt::format("{}", other_momentum(momentum))}});
  const char* const parameters[] = {"gamma", "beta", "running_mean", "running_variance"};
  for (size_t i = 0; i < 4; ++i) builder.net().load(name, parameters[i], arrays[i]->floats);
  builder.set_result(node, {.in_net = {name, {}, ""}, .rank = x.rank});
}

}  // namespace quantdyn
