#include "experiments/onnx/window.h"

#include <algorithm>

namespace quantdyn {
namespace {

/// Two numbers of an attribute.
std::array<int64_t, 2> pair_of(const OnnxNode& node, const std::string& key,
                               std::optional<std::vector<int64_t>> fallback) {
  const std::vector<int64_t> found = node.attributes.integers(
      key, std::move(fallback), accept::between<int64_t>(1, 65536), "of the window");
  if (found.size() != 2)
    node.attributes.refuse(key,
                           fmt::format("found {}; accepted: [height, width]", yaml_list(found)));
  return {found[0], found[1]};
}

/// [top, left, bottom, right], as ONNX has them.
std::array<int64_t, 4> pads_of(const OnnxNode& node) {
  const std::vector<int64_t> found =
      node.attributes.integers("pads", std::vector<int64_t>{0, 0, 0, 0},
                               accept::between<int64_t>(0, 65536), "of the window");
  if (found.size() != 4)
    node.attributes.refuse(
        "pads", fmt::format("found {}; accepted: [top, left, bottom, right]", yaml_list(found)));
  return {found[0], found[1], found[2], found[3]};
}

/// auto_pad SAME_LOWER along one axis: {before, after}; the odd zero goes before.
std::array<int64_t, 2> same_lower(int64_t size, int64_t kernel, int64_t stride) {
  const int64_t outputs = (size + stride - 1) / stride;
  const int64_t total = std::max<int64_t>((outputs - 1) * stride + kernel - size, 0);
  return {total - total / 2, total / 2};
}

bool is_zero(const std::array<int64_t, 4>& pads) {
  return std::ranges::all_of(pads, [](int64_t pad) { return pad == 0; });
}

}  // namespace

OnnxBuilder::Entries onnx_window(OnnxBuilder& builder, const OnnxNode& node, const OnnxValue& x,
                                 std::array<int64_t, 2> kernel, OnnxPadding padding) {
  const bool has_weight = kernel[0] > 0;
  const auto shape =
      pair_of(node, "kernel_shape",
              has_weight ? std::optional(std::vector{kernel[0], kernel[1]}) : std::nullopt);
  if (has_weight && shape != kernel)
    node.attributes.refuse("kernel_shape", fmt::format("found {}, its weight has {}",
                                                       yaml_list(shape), yaml_list(kernel)));
  const std::vector<int64_t> ones{1, 1};
  const auto stride = pair_of(node, "strides", ones), dilation = pair_of(node, "dilations", ones);
  if (dilation[0] != 1 || dilation[1] != 1)
    node.attributes.refuse("dilations",
                           fmt::format("found {}; accepted: [1, 1]", yaml_list(dilation)));
  const std::vector<std::string> rules{"NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"};
  const std::string rule = node.attributes.choice("auto_pad", "NOTSET", rules, "");
  const std::array<int64_t, 4> own = pads_of(node);
  const ImportedValue& input = x.in_net;
  const bool is_same = rule.starts_with("SAME");
  if (rule != "NOTSET" && !is_zero(own))
    node.attributes.refuse("pads", fmt::format("found {} beside auto_pad {}; accepted: one of them",
                                               yaml_list(own), rule));
  const bool has_own = is_same || !is_zero(own);
  if (!input.padded_by.empty() && (is_same || (has_own && padding == OnnxPadding::nothing)))
    builder.value(node, 0);  // refuses it
  const auto& [top, bottom, left, right] = input.padding;
  std::array<int64_t, 4> pads{top + own[0], bottom + own[2], left + own[1], right + own[3]};
  if (rule == "SAME_LOWER") {
    const Shape& image = builder.net().shape_of(input.node);
    const auto [above, below] = same_lower(image[0], shape[0], stride[0]);
    const auto [before, after] = same_lower(image[1], shape[1], stride[1]);
    pads = {above, below, before, after};
  }
  return {{"kernel", yaml_list(shape)},
          {"stride", yaml_list(stride)},
          {"padding", rule == "SAME_UPPER" ? "same" : yaml_list(pads)}};
}

void check_ceil_mode(const OnnxBuilder& builder, const OnnxNode& node, const OnnxValue& x) {
  if (node.attributes.integer("ceil_mode", 0, accept::between<int64_t>(0, 1), "") == 0) return;
  const auto kernel = pair_of(node, "kernel_shape", {});
  const auto stride = pair_of(node, "strides", std::vector<int64_t>{1, 1});
  const std::array<int64_t, 4> pads = pads_of(node);
  const std::vector<int64_t> sizes = builder.sizes_of(x);
  for (const size_t axis : {0, 1})
    if ((sizes[axis + 2] + pads[axis] + pads[axis + 2] - kernel[axis]) % stride[axis] != 0)
      node.attributes.refuse("ceil_mode",
                             "found 1, which gives one more pixel than rounding down; "
                             "accepted: 0, or sizes that give the same either way");
}

}  // namespace quantdyn
