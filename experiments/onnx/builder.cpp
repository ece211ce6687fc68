#include "experiments/onnx/builder.h"

#include <algorithm>

#include "framework/base/error.h"

namespace quantdyn {
namespace {

/// [H,W,C] of the input.
Shape image_of(const OnnxModel& model) {
  const std::vector<int64_t>& s = model.input_sizes;
  return model.has_channels_last ? Shape{s[1], s[2], s[3]} : Shape{s[2], s[3], s[1]};
}

/// The parts of a path between slashes.
std::vector<std::string> parts_of(const std::string& path) {
  std::vector<std::string> out{""};
  for (const char c : path)
    if (c == '/')
      out.emplace_back();
    else
      out.back() += c;
  std::erase(out, "");
  return out;
}

/// "/blocks/blocks.0/conv/Conv" -> "blocks.0/conv": torch repeats the name of a list of modules,
/// and adds the operator.
std::string short_name(const OnnxNode& node) {
  std::vector<std::string> parts = parts_of(node.name);
  if (parts.size() > 1 && parts.back().starts_with(node.operation)) parts.pop_back();
  for (size_t i = parts.size(); i-- > 1;)
    if (parts[i].starts_with(parts[i - 1] + "."))
      parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(i) - 1);
  return fmt::format("{}", fmt::join(parts, "/"));
}

}  // namespace

OnnxBuilder::OnnxBuilder(const OnnxModel& model) : model_(model), net_(image_of(model)) {
  values_[model.input] = {.in_net = {net_.input_node(), {}, ""},
                          .has_channels_last = model.has_channels_last};
  for (const OnnxNode& node : model.nodes)
    for (const std::string& input : node.inputs) {
      auto& readers = readers_[input];
      if (std::ranges::find(readers, &node) == readers.end()) readers.push_back(&node);
    }
  readers_[model.output].push_back(nullptr);
}

const OnnxTensor* OnnxBuilder::constant(const OnnxNode& node, size_t i) const {
  if (!node.has_input(i)) return nullptr;
  for (const auto* constants : {&model_.constants, &constants_})
    if (const auto found = constants->find(node.inputs[i]); found != constants->end())
      return &found->second;
  return nullptr;
}

const OnnxTensor& OnnxBuilder::required_constant(const OnnxNode& node, size_t i,
                                                 const std::string& what) const {
  if (!node.has_input(i)) node.attributes.refuse("", fmt::format("{} is missing", what));
  const OnnxTensor* const found = constant(node, i);
  if (!found)
    node.attributes.refuse(
        "", fmt::format("{}, '{}', is computed; accepted: a constant", what, node.inputs[i]));
  return *found;
}

const OnnxTensor& OnnxBuilder::required_floats(const OnnxNode& node, size_t i,
                                               const std::string& what) const {
  const OnnxTensor& out = required_constant(node, i, what);
  if (out.type != OnnxTensor::Type::floats)
    node.attributes.refuse(
        "", fmt::format("{}, '{}', holds {}; accepted: float32, or codes after DequantizeLinear",
                        what, node.inputs[i], out.type_name));
  check_finite(node.attributes, fmt::format("{}, '{}',", what, node.inputs[i]), out.sizes,
               out.floats);
  return out;
}

const std::vector<int64_t>& OnnxBuilder::required_integers(const OnnxNode& node, size_t i,
                                                           const std::string& what) const {
  const OnnxTensor& out = required_constant(node, i, what);
  if (out.type != OnnxTensor::Type::integers || out.sizes.size() > 1)
    node.attributes.refuse("", fmt::format("{}, '{}', holds {} {}; accepted: a list of int64", what,
                                           node.inputs[i], out.type_name, yaml_list(out.sizes)));
  return out.integers;
}

const OnnxValue& OnnxBuilder::padded_value(const OnnxNode& node, size_t i) const {
  if (!node.has_input(i)) node.attributes.refuse("", fmt::format("input {} is missing", i));
  const OnnxValue* const found = find_value(node.inputs[i]);
  if (!found)
    node.attributes.refuse("",
                           fmt::format("reads '{}', {}; accepted: a computed value", node.inputs[i],
                                       constant(node, i) ? "a constant" : "which no node gives"));
  if (found->codes)
    node.attributes.refuse("", fmt::format("reads '{}', codes of QuantizeLinear; accepted: only "
                                           "DequantizeLinear reads them",
                                           node.inputs[i]));
  return *found;
}

const OnnxValue& OnnxBuilder::value(const OnnxNode& node, size_t i) const {
  const OnnxValue& out = padded_value(node, i);
  if (!out.in_net.padded_by.empty())
    node.attributes.refuse(
        "", fmt::format("reads the {}; accepted after one: Conv, AveragePool that counts padding, "
                        "and MaxPool if the values before are never negative",
                        out.in_net.padded_by));
  return out;
}

const OnnxValue& OnnxBuilder::padded_image(const OnnxNode& node, size_t i) const {
  const OnnxValue& out = padded_value(node, i);
  if (out.rank != 4 || out.has_channels_last || net_.shape_of(out.in_net.node).rank() != 3)
    node.attributes.refuse(
        "", fmt::format("reads '{}' of sizes {}{}; accepted: [batch, channels, height, width]",
                        node.inputs[i], yaml_list(sizes_of(out)),
                        out.has_channels_last ? " with channels last" : ""));
  return out;
}

const OnnxValue* OnnxBuilder::find_value(const std::string& name) const {
  const auto found = values_.find(name);
  return found == values_.end() ? nullptr : &found->second;
}

std::vector<int64_t> OnnxBuilder::sizes_of(const OnnxValue& value) const {
  const Shape& shape = net_.shape_of(value.in_net.node);
  const int64_t batch = model_.input_sizes[0];
  if (value.rank == 2) return {batch, shape.elements()};
  if (value.rank == 3) return {batch, shape.elements(), 1};
  const auto& [top, bottom, left, right] = value.in_net.padding;
  const int64_t h = (shape.rank() == 3 ? shape[0] : 1) + top + bottom,
                w = (shape.rank() == 3 ? shape[1] : 1) + left + right, c = shape.channels();
  if (value.has_channels_last) return {batch, h, w, c};
  return {batch, c, h, w};
}

std::vector<const OnnxNode*> OnnxBuilder::readers(const std::string& value) const {
  const auto found = readers_.find(value);
  return found == readers_.end() ? std::vector<const OnnxNode*>{} : found->second;
}

const OnnxNode* OnnxBuilder::only_reader(const std::string& value,
                                         const std::string& operation) const {
  const std::vector<const OnnxNode*> all = readers(value);
  return all.size() == 1 && all[0] && all[0]->operation == operation ? all[0] : nullptr;
}

std::string OnnxBuilder::add_node(const OnnxNode& node, const std::string& kind,
                                  std::vector<std::string> inputs, const Entries& entries) {
  return net_.add_node(node.attributes, short_name(node), kind, std::move(inputs), entries);
}

void OnnxBuilder::set_result(const OnnxNode& node, OnnxValue value) {
  if (const auto merged = merged_.find(&node); merged != merged_.end())
    for (const OnnxNode* part : merged->second) values_[part->outputs[0]] = value;
  values_[node.outputs[0]] = std::move(value);
}

void OnnxBuilder::set_constant(const OnnxNode& node, OnnxTensor tensor) {
  constants_[node.outputs[0]] = std::move(tensor);
}

void OnnxBuilder::note_scale(const std::string& node, TensorRole role, const OnnxScale& scale) {
  quantized_.push_back({node, role, scale});
}

void OnnxBuilder::check_sizes() const {
  const std::map<std::string, std::vector<int64_t>> shapes = model_.infer_shapes();
  for (const OnnxNode& node : model_.nodes) {
    const OnnxValue* const value = find_value(node.outputs[0]);
    const auto found = shapes.find(node.outputs[0]);
    if (!value || found == shapes.end()) continue;
    const std::vector<int64_t> sizes = sizes_of(*value), &inferred = found->second;
    bool fits = inferred.size() == sizes.size();
    for (size_t i = 0; fits && i < sizes.size(); ++i)
      fits = inferred[i] < 0 || inferred[i] == sizes[i];
    if (!fits)
      node.attributes.refuse("", fmt::format("gives {}, but libonnx infers {}", yaml_list(sizes),
                                             yaml_list(inferred)));
  }
}

OnnxImport OnnxBuilder::finish() {
  check_sizes();
  const OnnxValue* const output = find_value(model_.output);
  if (!output || output->codes)
    throw_error<ConfigError>("the model's output '{}' is {}; accepted: a computed value",
                             model_.output, output ? "codes of QuantizeLinear" : "a constant");
  if (output->flattened_from)
    throw_error<ConfigError>(
        "the model's output '{}' is a flattened image {}; accepted: logits, such as those of Gemm",
        model_.output, output->flattened_from->text());
  return {net_.finish(model_.output, output->in_net), std::move(quantized_)};
}

}  // namespace quantdyn
