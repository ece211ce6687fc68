// Operators that move no value, but rename its axes.
#include <algorithm>

#include "experiments/onnx/handlers.h"

namespace quantdyn {
namespace {

/// [N,C,H,W] or [N,C,1] -> [N,values].
void flatten(OnnxBuilder& builder, const OnnxNode& node, const OnnxValue& x) {
  OnnxValue out = x;
  if (x.rank > 2) {
    const Shape shape = builder.net().shape_of(x.in_net.node);
    if (shape.rank() == 3) out.in_net.node = builder.add_node(node, "flatten", {x.in_net.node});
    const bool moves = shape.rank() == 3 && shape.rows() > 1 && shape.channels() > 1;
    if (moves && !x.has_channels_last) out.flattened_from = shape;
  }
  out.rank = 2;
  out.has_channels_last = false;
  builder.set_result(node, out);
}

[[noreturn]] void refuse_sizes(OnnxBuilder& builder, const OnnxNode& node, const OnnxValue& x,
                               const std::vector<int64_t>& target) {
  node.attributes.refuse(
      "", fmt::format("makes {} of {}; accepted: [batch, values], and an image of one pixel or one "
                      "channel with its axes in another order",
                      yaml_list(target), yaml_list(builder.sizes_of(x))));
}

/// Gives the value sizes with as many elements.
void reshape(OnnxBuilder& builder, const OnnxNode& node, const OnnxValue& x,
             const std::vector<int64_t>& target) {
  const std::vector<int64_t> sizes = builder.sizes_of(x);
  const auto elements = [](const std::vector<int64_t>& s) {
    int64_t out = 1;
    for (int64_t size : s) out *= size;
    return out;
  };
  if (target.empty() || target[0] != sizes[0] || elements(target) != elements(sizes))
    refuse_sizes(builder, node, x, target);
  if (target == sizes) return builder.set_result(node, x);
  if (target.size() == 2) return flatten(builder, node, x);
  const int64_t channels = builder.net().shape_of(x.in_net.node).channels();
  const bool is_pixel = elements(target) == sizes[0] * channels;
  if (target.size() == 3 && is_pixel && target[1] == channels && !x.flattened_from) {
    OnnxValue out = x;
    out.rank = 3;
    out.has_channels_last = false;
    return builder.set_result(node, out);
  }
  if (target.size() != 4 || (!is_pixel && channels > 1)) refuse_sizes(builder, node, x, target);
  for (const bool has_channels_last : {false, true}) {
    OnnxValue out = x;
    out.rank = 4;
    out.has_channels_last = has_channels_last;
    out.flattened_from = {};
    if (builder.sizes_of(out) == target && !(x.rank == 2 && x.flattened_from))
      return builder.set_result(node, out);
  }
  refuse_sizes(builder, node, x, target);
}

/// Axes of Squeeze and Unsqueeze: an attribute, or an input since opset 13.
std::vector<int64_t> axes_of(const OnnxBuilder& builder, const OnnxNode& node, int64_t rank) {
  std::vector<int64_t> out = node.has_input(1)
                                 ? builder.required_integers(node, 1, "axes")
                                 : node.attributes.integers("axes", {}, accept::any<int64_t>(), "");
  for (int64_t& axis : out) {
    if (axis < 0) axis += rank;
    if (axis < 0 || axis >= rank)
      node.attributes.refuse("", fmt::format("has the axes {} of {}", yaml_list(out), rank));
  }
  std::ranges::sort(out);
  if (std::ranges::adjacent_find(out) != out.end())
    node.attributes.refuse("", fmt::format("names an axis twice: {}", yaml_list(out)));
  return out;
}

}  // namespace

void add_onnx_flatten(OnnxBuilder& builder, const OnnxNode& node) {
  const OnnxValue& x = builder.value(node, 0);
  int64_t axis = node.attributes.integer("axis", 1, accept::any<int64_t>(), "");
  if (axis < 0) axis += x.rank;
  if (axis != 1) node.attributes.refuse("axis", fmt::format("found {}; accepted: 1", axis));
  flatten(builder, node, x);
}

void add_onnx_reshape(OnnxBuilder& builder, const OnnxNode& node) {
  const OnnxValue& x = builder.value(node, 0);
  const std::vector<int64_t> sizes = builder.sizes_of(x);
  const bool takes_zero =
      node.attributes.integer("allowzero", 0, accept::between<int64_t>(0, 1), "") == 1;
  std::vector<int64_t> target = builder.required_integers(node, 1, "the new shape");
  int64_t known = 1, all = 1;
  for (int64_t size : sizes) all *= size;
  for (size_t i = 0; i < target.size(); ++i) {
    if (target[i] == 0 && !takes_zero && i < sizes.size()) target[i] = sizes[i];
    if (target[i] < -1 || target[i] == 0 || target[i] > all) refuse_sizes(builder, node, x, target);
    if (target[i] > 0) known *= target[i];
    if (known > all) refuse_sizes(builder, node, x, target);
  }
  if (std::ranges::count(target, -1) > 1) refuse_sizes(builder, node, x, target);
  std::ranges::replace(target, int64_t{-1}, all / known);
  reshape(builder, node, x, target);
}

void add_onnx_squeeze(OnnxBuilder& builder, const OnnxNode& node) {
  const OnnxValue& x = builder.value(node, 0);
  std::vector<int64_t> target = builder.sizes_of(x);
  const std::vector<int64_t> axes = axes_of(builder, node, static_cast<int64_t>(target.size()));
  for (size_t i = axes.size(); i-- > 0;) {
    if (axes[i] == 0 || target[axes[i]] != 1)
      node.attributes.refuse("", fmt::format("takes axis {} out of {}; accepted: axes of size 1 "
                                             "after the first",
                                             axes[i], yaml_list(target)));
    target.erase(target.begin() + axes[i]);
  }
  reshape(builder, node, x, target);
}

void add_onnx_unsqueeze(OnnxBuilder& builder, const OnnxNode& node) {
  const OnnxValue& x = builder.value(node, 0);
  std::vector<int64_t> target = builder.sizes_of(x);
  const auto rank = static_cast<int64_t>(target.size());
  const auto given = node.has_input(1)
                         ? builder.required_integers(node, 1, "axes")
                         : node.attributes.integers("axes", {}, accept::any<int64_t>(), "");
  const std::vector<int64_t> axes =
      axes_of(builder, node, rank + static_cast<int64_t>(given.size()));
  for (const int64_t axis : axes) {
    if (axis > static_cast<int64_t>(target.size())) refuse_sizes(builder, node, x, target);
    target.insert(target.begin() + axis, 1);
  }
  reshape(builder, node, x, target);
}

void add_onnx_transpose(OnnxBuilder& builder, const OnnxNode& node) {
  OnnxValue out = builder.value(node, 0);
  const std::vector<int64_t> order = node.attributes.integers(
      "perm", Options::required, accept::between<int64_t>(0, 5), "order of the axes");
  const std::vector<int64_t> to_last{0, 2, 3, 1}, to_first{0, 3, 1, 2};
  if (out.rank != 4 || order != (out.has_channels_last ? to_first : to_last))
    node.attributes.refuse(
        "perm", fmt::format("found {} of {}; accepted: {}, which moves channels", yaml_list(order),
                            yaml_list(builder.sizes_of(out)),
                            yaml_list(out.has_channels_last ? to_first : to_last)));
  out.has_channels_last = !out.has_channels_last;
  builder.set_result(node, out);
}

}  // namespace quantdyn
