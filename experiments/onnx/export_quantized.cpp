#include "experiments/onnx/export_quantized.h"

#include <algorithm>
#include <cmath>

#include "framework/base/error.h"

namespace quantdyn {
namespace {

template <typename T>
bool holds(std::span<const int64_t> codes) {
  using Limits = std::numeric_limits<T>;
  return std::ranges::all_of(
      codes, [](int64_t code) { return code >= Limits::min() && code <= Limits::max(); });
}

/// Throws ConfigError unless int8 or uint8, by the sign of the codes, holds all codes and zero
/// points.
void check_holds(const std::string& tensor, const AffineTensor& found) {
  std::vector<int64_t> codes = found.zero_point;
  codes.push_back(found.lowest);
  codes.push_back(found.highest);
  if (found.is_signed ? holds<int8_t>(codes) : holds<uint8_t>(codes)) return;
  throw_error<ConfigError>(
      "{}: found codes {} to {} and zero points {} to {}; accepted: {}, what {} holds; so "
      "bit_width: 8 or less, and widen_to_zero: true, which keeps zero points among the codes",
      tensor, found.lowest, found.highest, std::ranges::min(found.zero_point),
      std::ranges::max(found.zero_point), found.is_signed ? "-128 to 127" : "0 to 255",
      found.is_signed ? "int8" : "uint8");
}

template <typename To, typename From>
std::vector<To> converted(std::span<const From> values) {
  std::vector<To> out;
  for (const From value : values) out.push_back(static_cast<To>(value));
  return out;
}

/// The sizes of what is one number, or one for each channel.
std::vector<int64_t> sizes_by_channel(size_t count) {
  if (count == 1) return {};
  return {static_cast<int64_t>(count)};
}

std::string add_scale(OnnxGraph& graph, const UniqueName& unique, const std::string& name,
                      const AffineTensor& tensor) {
  return graph.constant<float>(unique(name + "_scale"), sizes_by_channel(tensor.scale.size()),
                               converted<float>(std::span(tensor.scale)));
}

template <typename T>
std::string add_zero_point(OnnxGraph& graph, const UniqueName& unique, const std::string& name,
                           const AffineTensor& tensor) {
  return graph.constant<T>(unique(name + "_zero_point"), sizes_by_channel(tensor.zero_point.size()),
                           converted<T>(std::span(tensor.zero_point)));
}

std::string add_dequantize(OnnxGraph& graph, const std::string& name,
                           const std::vector<std::string>& inputs, const AffineTensor& tensor,
                           int64_t axis) {
  onnx::NodeProto& node = graph.add("DequantizeLinear", name, inputs);
  if (tensor.scale.size() > 1) OnnxGraph::set(node, "axis", axis);
  return name;
}

template <typename T>
std::string add_codes_as(OnnxGraph& graph, const UniqueName& unique, const std::string& name,
                         const AffineTensor& tensor, const std::vector<int64_t>& sizes,
                         std::span<const int32_t> codes) {
  const std::string values = graph.constant<T>(unique(name + "_codes"), sizes, converted<T>(codes));
  const std::string scale = add_scale(graph, unique, name, tensor);
  const std::string zero_point = add_zero_point<T>(graph, unique, name, tensor);
  return add_dequantize(graph, unique(name), {values, scale, zero_point}, tensor, 0);
}

template <typename T>
std::string add_rounding_as(OnnxGraph& graph, const UniqueName& unique, const std::string& name,
                            const std::string& value, const AffineTensor& activation) {
  const std::string scale = add_scale(graph, unique, name, activation);
  const std::string zero_point = add_zero_point<T>(graph, unique, name, activation);
  const std::string codes = unique(name + "_codes");
  onnx::NodeProto& quantize = graph.add("QuantizeLinear", codes, {value, scale, zero_point});
  if (activation.scale.size() > 1) OnnxGraph::set(quantize, "axis", int64_t{1});
  return add_dequantize(graph, unique(name + "_dequantized"), {codes, scale, zero_point},
                        activation, 1);
}

/// The values of the first and the last code, so that what lies outside gets these codes.
std::string add_limits(OnnxGraph& graph, const UniqueName& unique, const std::string& name,
                       const std::string& value, const AffineTensor& activation, int rank) {
  std::vector<float> low, high;
  for (size_t i = 0; i < activation.scale.size(); ++i) {
    const auto at = [&](int64_t code) {
      return static_cast<float>(code - activation.zero_point[i]) *
             static_cast<float>(activation.scale[i]);
    };
    low.push_back(at(activation.lowest));
    high.push_back(at(activation.highest));
  }
  return add_clip_between(graph, unique, unique(name + "_limited"), value, low, high, rank);
}

}  // namespace

std::string add_clip_between(OnnxGraph& graph, const UniqueName& unique, const std::string& name,
                             const std::string& value, std::span<const float> low,
                             std::span<const float> high, int rank) {
  const auto is_there = [](float end) { return std::isfinite(end); };
  const bool has_low = std::ranges::any_of(low, is_there);
  const bool has_high = std::ranges::any_of(high, is_there);
  if (!has_low && !has_high) return value;
  if (low.size() == 1) {
    std::vector<std::string> inputs{value};
    inputs.push_back(has_low ? graph.constant<float>(unique(name + "_min"), {}, low) : "");
    if (has_high) inputs.push_back(graph.constant<float>(unique(name + "_max"), {}, high));
    graph.add("Clip", name, inputs);
    return name;
  }
  std::vector<int64_t> sizes(static_cast<size_t>(rank) - 1, 1);  // against axis 1 of the value
  sizes[0] = static_cast<int64_t>(low.size());
  std::string out = value;
  if (has_low) {
    const std::string end = graph.constant<float>(unique(name + "_min"), sizes, low);
    const std::string raised = has_high ? unique(name + "_raised") : name;
    graph.add("Max", raised, {out, end});
    out = raised;
  }
  if (has_high)
    graph.add("Min", name, {out, graph.constant<float>(unique(name + "_max"), sizes, high)});
  return name;
}

std::string add_weight_codes(OnnxGraph& graph, const UniqueName& unique, const std::string& tensor,
                             const std::string& name, const AffineTensor& weight,
                             const std::vector<int64_t>& sizes, std::span<const int32_t> codes) {
  check_holds(tensor, weight);
  return weight.is_signed ? add_codes_as<int8_t>(graph, unique, name, weight, sizes, codes)
                          : add_codes_as<uint8_t>(graph, unique, name, weight, sizes, codes);
}

std::string add_bias_codes(OnnxGraph& graph, const UniqueName& unique, const std::string& name,
                           const AffineTensor& bias) {
  const std::string codes = graph.constant<int32_t>(unique(name + "_codes"),
                                                    {bias.codes.elements()}, bias.codes.values());
  const std::string scale = add_scale(graph, unique, name, bias);
  return add_dequantize(graph, unique(name), {codes, scale}, bias, 0);
}

std::string add_rounding(OnnxGraph& graph, const UniqueName& unique, const std::string& tensor,
                         const std::string& name, const std::string& value,
                         const AffineTensor& activation, int rank) {
  if (activation.rounding == AffineTensor::Rounding::drawn)
    throw_error<ConfigError>(
        "{}: found rounding: stochastic; accepted: half_to_even, which QuantizeLinear does, or "
        "half_away_from_zero, which differs from it at ties",
        tensor);
  check_holds(tensor, activation);
  const bool is_full = activation.is_signed ? activation.lowest == -128 && activation.highest == 127
                                            : activation.lowest == 0 && activation.highest == 255;
  const std::string limited =
      is_full ? value : add_limits(graph, unique, name, value, activation, rank);
  return activation.is_signed ? add_rounding_as<int8_t>(graph, unique, name, limited, activation)
                              : add_rounding_as<uint8_t>(graph, unique, name, limited, activation);
}

}  // namespace quantdyn
