// Pools, means over the image, and zeros around it.
#include <algorithm>

#include "experiments/onnx/handlers.h"
#include "experiments/onnx/window.h"

namespace quantdyn {
namespace {

/// How many axes a node gives a value of `rank` axes; 2 where that is not known yet.
int64_t rank_after(const OnnxBuilder& builder, const OnnxNode& node, int64_t rank) {
  const OnnxTensor* const second = builder.constant(node, 1);
  if (node.operation == "Transpose") return rank;
  if (node.operation == "Reshape") return second ? second->elements() : 2;
  const auto axes =
      second
          ? second->elements()
          : static_cast<int64_t>(
                node.attributes.integers("axes", std::vector<int64_t>{}, accept::any<int64_t>(), "")
                    .size());
  return node.operation == "Squeeze" ? rank - axes : rank + axes;
}

/// Whether a result with one pixel is only read as [N,C]; else its readers need an image [1,1,C].
bool is_read_flat(const OnnxBuilder& builder, const std::string& value, int64_t rank = 4,
                  int depth = 0) {
  // These keep the axes; those after them rename the axes, or take the other input's sizes.
  static const std::vector<std::string> same = {
      "Clip",      "DequantizeLinear", "Dropout", "HardSwish", "Identity",
      "LeakyRelu", "QuantizeLinear",   "Relu",    "Sigmoid"};
  static const std::vector<std::string> renamed = {"Reshape", "Squeeze", "Transpose", "Unsqueeze"};
  static const std::vector<std::string> flat = {"Flatten", "Mul", "Shape"};
  const auto is_one_of = [](const std::vector<std::string>& names, const OnnxNode& node) {
    return std::ranges::find(names, node.operation) != names.end();
  };
  return depth < 100 && std::ranges::all_of(builder.readers(value), [&](const OnnxNode* reader) {
           if (!reader || is_one_of(flat, *reader)) return true;
           const bool is_renamed = is_one_of(renamed, *reader);
           if (!is_renamed && !is_one_of(same, *reader)) return rank != 4;
           const int64_t after = is_renamed ? rank_after(builder, *reader, rank) : rank;
           return after == 2 || is_read_flat(builder, reader->outputs[0], after, depth + 1);
         });
}

/// The mean over all pixels; `rank` of the result.
void add_mean(OnnxBuilder& builder, const OnnxNode& node, int rank) {
  const OnnxValue& x = builder.value(node, 0);
  const Shape& shape = builder.net().shape_of(x.in_net.node);
  if (x.rank != 4)
    node.attributes.refuse("", fmt::format("reads '{}' of sizes {}; accepted: an image",
                                           node.inputs[0], yaml_list(builder.sizes_of(x))));
  std::string name = x.in_net.node;  // [C] already: one pixel is its own mean
  if (shape.rank() == 3 && (rank == 2 || is_read_flat(builder, node.outputs[0])))
    name = builder.add_node(node, "global_average_pool", {name});
  else if (shape.rank() == 3)
    name = builder.add_node(node, "average_pool", {name},
                            {{"kernel", fmt::format("[{}, {}]", shape[0], shape[1])}});
  builder.set_result(
      node, {.in_net = {name, {}, ""}, .rank = rank, .has_channels_last = x.has_channels_last});
}

}  // namespace

void add_onnx_max_pool(OnnxBuilder& builder, const OnnxNode& node) {
  const OnnxValue& x = builder.padded_image(node, 0);
  if (!builder.net().is_never_negative(x.in_net.node)) builder.value(node, 0);  // a zero could win
  if (node.outputs.size() > 1 && !node.outputs[1].empty())
    node.attributes.refuse("", "its second output, the indices; accepted: one output");
  node.attributes.integer("storage_order", 0, accept::between<int64_t>(0, 1), "of the indices");
  check_ceil_mode(builder, node, x);
  const std::string name = builder.add_node(
      node, "max_pool", {x.in_net.node}, onnx_window(builder, node, x, {0, 0}, OnnxPadding::zeros));
  builder.set_result(node, {.in_net = {name, {}, ""}});
}

void add_onnx_average_pool(OnnxBuilder& builder, const OnnxNode& node) {
  const OnnxValue& x = builder.padded_image(node, 0);
  const bool counts =
      node.attributes.integer("count_include_pad", 0, accept::between<int64_t>(0, 1), "") == 1;
  check_ceil_mode(builder, node, x);
  OnnxBuilder::Entries entries =
      onnx_window(builder, node, x, {0, 0}, counts ? OnnxPadding::zeros : OnnxPadding::nothing);
  const bool is_padded = !x.in_net.padded_by.empty();
  entries.emplace_back("count_padding", yaml_flag(counts || is_padded));
  const std::string name = builder.add_node(node, "average_pool", {x.in_net.node}, entries);
  builder.set_result(node, {.in_net = {name, {}, ""}});
}

void add_onnx_global_average_pool(OnnxBuilder& builder, const OnnxNode& node) {
  if (builder.value(node, 0).has_channels_last)
    node.attributes.refuse("", "reads an image with channels last; accepted: channels first");
  add_mean(builder, node, 4);
}

void add_onnx_reduce_mean(OnnxBuilder& builder, const OnnxNode& node) {
  const OnnxValue& x = builder.value(node, 0);
  std::vector<int64_t> axes = node.attributes.integers(
      "axes", std::vector<int64_t>{}, accept::between<int64_t>(-4, 3), "of the mean");
  for (int64_t& axis : axes) axis = axis < 0 ? axis + 4 : axis;
  std::ranges::sort(axes);
  const std::vector<int64_t> image =
      x.has_channels_last ? std::vector<int64_t>{1, 2} : std::vector<int64_t>{2, 3};
  if (x.rank != 4 || axes != image)
    node.attributes.refuse(
        "axes", fmt::format("found {} of sizes {}; accepted: height and width, {}", yaml_list(axes),
                            yaml_list(builder.sizes_of(x)), yaml_list(image)));
  const bool keeps =
      node.attributes.integer("keepdims", 1, accept::between<int64_t>(0, 1), "") == 1;
  add_mean(builder, node, keeps ? 4 : 2);
}

/// [begin of each axis, end of each axis] -> zeros that the reader of the result applies.
void add_onnx_pad(OnnxBuilder& builder, const OnnxNode& node) {
  const OnnxValue& x = builder.padded_value(node, 0);
  const std::vector<std::string> modes{"constant"};
  node.attributes.choice("mode", "constant", modes, "");
  double constant = node.attributes.number("value", 0.0, accept::any<double>(), "");
  if (node.has_input(2)) {
    const OnnxTensor& value = builder.required_floats(node, 2, "its value");
    constant = value.elements() == 1 ? value.floats[0] : 1;
  }
  if (constant != 0) node.attributes.refuse("", "pads with other values; accepted: zeros");
  const auto any = accept::any<int64_t>();
  const std::vector<int64_t> pads = node.has_input(1)
                                        ? builder.required_integers(node, 1, "pads")
                                        : node.attributes.integers("pads", {}, any, "");
  const std::array<size_t, 2> axes =
      x.has_channels_last ? std::array<size_t, 2>{1, 2} : std::array<size_t, 2>{2, 3};
  bool fits = x.rank == 4 && pads.size() == 8;
  for (size_t i = 0; fits && i < 8; ++i)
    fits = i % 4 == axes[0] || i % 4 == axes[1] ? pads[i] >= 0 && pads[i] <= 65536 : pads[i] == 0;
  if (!fits)
    node.attributes.refuse("",
                           fmt::format("has the pads {}; accepted: zeros around an image's "
                                       "height and width, [begin of each axis, end of each axis]",
                                       yaml_list(pads)));
  OnnxValue out = x;
  const std::array<int64_t, 4> sides{pads[axes[0]], pads[axes[0] + 4], pads[axes[1]],
                                     pads[axes[1] + 4]};
  for (size_t i = 0; i < 4; ++i) out.in_net.padding[i] += sides[i];
  if (std::ranges::any_of(sides, [](int64_t side) { return side > 0; }))
    out.in_net.padded_by = fmt::format("zeros of node '{}' (Pad)", node.name);
  builder.set_result(node, out);
}

}  // namespace quantdyn
