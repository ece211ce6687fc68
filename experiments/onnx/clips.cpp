// Values limited to an interval, the same for all channels or of each channel's own.
#include <algorithm>
#include <cmath>

#include "experiments/onnx/handlers.h"

namespace quantdyn {
namespace {

constexpr float infinity = Activation::infinity;

/// The interval of a node, or of several merged into one: one number, or one for each channel.
struct Limits {
  std::vector<float> low{-infinity}, high{infinity};
};

/// float32's largest numbers stand for an open end, as in the defaults of Clip's attributes.
float open_end(float end) { return std::abs(end) >= 3e38f ? std::copysign(infinity, end) : end; }

/// A constant end: one number, or, with `x`, one for each of its channels, shaped so that ONNX
/// spreads it over the other axes.
std::vector<float> end_of(const OnnxBuilder& builder, const OnnxNode& node, size_t i,
                          const std::string& what, const OnnxValue* x) {
  const OnnxTensor& found = builder.required_constant(node, i, what);
  std::vector<int64_t> sizes = found.sizes;
  const int64_t channels = x ? builder.net().shape_of(x->in_net.node).channels() : 1;
  const size_t from_end =
      x && x->rank > 2 && !x->has_channels_last ? static_cast<size_t>(x->rank) - 1 : 1;
  const bool is_one = found.elements() == 1;
  const bool is_by_channel = found.elements() == channels && sizes.size() >= from_end &&
                             sizes[sizes.size() - from_end] == channels &&
                             !(x && x->flattened_from);
  const bool is_number = found.type == OnnxTensor::Type::floats &&
                         std::ranges::none_of(found.floats, [](float v) { return std::isnan(v); });
  if (!is_number || !(is_one || is_by_channel))
    node.attributes.refuse(
        "", fmt::format("{}, '{}', holds {} {}; accepted: one float32 that is a number{}", what,
                        node.inputs[i], found.type_name, yaml_list(sizes),
                        x ? fmt::format(", or one for each of {} channels", channels) : ""));
  std::vector<float> out = found.floats;
  for (float& end : out) end = open_end(end);
  return out;
}

bool is_all(const std::vector<float>& ends, float value) {
  return std::ranges::all_of(ends, [value](float end) { return end == value; });
}

/// Adds the layer that limits `x`, named after `named`; its result is that of `node`.
void add_limits(OnnxBuilder& builder, const OnnxNode& node, const OnnxNode& named, OnnxValue x,
                Limits limits) {
  const auto channels = static_cast<size_t>(builder.net().shape_of(x.in_net.node).channels());
  for (std::vector<float>* ends : {&limits.low, &limits.high})
    if (ends->size() == 1) ends->resize(channels, ends->front());
  for (size_t c = 0; c < channels; ++c)
    if (!(limits.low[c] < limits.high[c]))
      node.attributes.refuse("",
                             fmt::format("limits channel {} to {} ... {}; accepted: a lower end "
                                         "below the upper one",
                                         c, limits.low[c], limits.high[c]));
  const bool is_relu = is_all(limits.low, 0);
  if (is_all(limits.low, -infinity) && is_all(limits.high, infinity))
    return builder.set_result(node, x);
  const bool has_name = is_relu && (is_all(limits.high, 6) || is_all(limits.high, infinity));
  const std::string kind = !has_name ? "channel_clip" : limits.high[0] == 6 ? "relu6" : "relu";
  x.in_net.node = builder.add_node(named, kind, {x.in_net.node});
  if (!has_name) {
    builder.net().load(x.in_net.node, "low", limits.low);
    builder.net().load(x.in_net.node, "high", limits.high);
  }
  builder.set_result(node, std::move(x));
}

/// The input of Max or Min that is a constant.
size_t constant_input(const OnnxBuilder& builder, const OnnxNode& node) {
  const size_t i = builder.constant(node, 0) ? 0 : 1;
  if (node.inputs.size() != 2 || !builder.constant(node, i) || builder.constant(node, 1 - i))
    node.attributes.refuse(
        "", fmt::format("has {} inputs, not one computed and one constant; accepted: x and a limit",
                        node.inputs.size()));
  return i;
}

}  // namespace

void add_onnx_relu(OnnxBuilder& builder, const OnnxNode& node) {
  add_limits(builder, node, node, builder.value(node, 0), {.low = {0}});
}

void add_onnx_clip(OnnxBuilder& builder, const OnnxNode& node) {
  const auto any = accept::any<double>();
  Limits limits;
  limits.low = {open_end(static_cast<float>(node.attributes.number("min", -INFINITY, any, "")))};
  limits.high = {open_end(static_cast<float>(node.attributes.number("max", INFINITY, any, "")))};
  if (node.has_input(1)) limits.low = end_of(builder, node, 1, "its lower end", nullptr);
  if (node.has_input(2)) limits.high = end_of(builder, node, 2, "its upper end", nullptr);
  add_limits(builder, node, node, builder.value(node, 0), std::move(limits));
}

/// Max with a constant, and a Min that alone reads it, are one clip; so are Min and then Max.
void add_onnx_max_or_min(OnnxBuilder& builder, const OnnxNode& node) {
  if (node.inputs.size() == 1) return builder.set_result(node, builder.value(node, 0));
  Limits limits;
  const size_t limit = constant_input(builder, node);
  const OnnxValue x = builder.value(node, 1 - limit);
  const auto take = [&](const OnnxNode& from, size_t i) {
    (from.operation == "Max" ? limits.low : limits.high) =
        end_of(builder, from, i, "its limit", &x);
  };
  take(node, limit);
  const OnnxNode* const next =
      builder.only_reader(node.outputs[0], node.operation == "Max" ? "Min" : "Max");
  const bool is_pair = next && next->inputs.size() == 2 &&
                       (builder.constant(*next, 0) || builder.constant(*next, 1));
  if (!is_pair) return add_limits(builder, node, node, x, std::move(limits));
  take(*next, constant_input(builder, *next));
  builder.merge(*next, node);
  add_limits(builder, node, *next, x, std::move(limits));
}

}  // namespace quantdyn
