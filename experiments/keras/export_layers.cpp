#include "experiments/keras/export_layers.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "experiments/formats/momentum.h"
#include "experiments/formats/network_exporter.h"
#include "framework/base/error.h"

namespace quantdyn {
namespace {

using Json = nlohmann::ordered_json;

/// Whether Keras' `same` (layers/window.h) gives these pads along an axis.
bool is_same(int64_t in, int64_t out, int64_t kernel, int64_t stride, int64_t before,
             int64_t after) {
  const int64_t total = std::max<int64_t>((out - 1) * stride + kernel - in, 0);
  return out == (in + stride - 1) / stride && before == total / 2 && before + after == total;
}

bool is_same(const Convolution& g) {
  return is_same(g.in_h, g.out_h, g.kernel_h, g.stride_h, g.pad_top, g.pad_bottom) &&
         is_same(g.in_w, g.out_w, g.kernel_w, g.stride_w, g.pad_left, g.pad_right);
}

class Exporter final : public NetworkExporter {
 public:
  explicit Exporter(const Network& network)
      : NetworkExporter(network, "Keras"), of_node_(network.nodes().size()) {
    add_nodes();
  }

  std::vector<ExportedLayer> take() { return std::move(layers_); }

 private:
  /// Adds the layer of a node, after those of its inputs.
  ExportedLayer& add(int i, const std::string& class_name, const Json& config) {
    std::vector<size_t> inputs;
    for (const int input : node(i).inputs) inputs.push_back(of_node_[input]);
    return add(i, class_name, config, inputs);
  }
  ExportedLayer& add(int i, const std::string& class_name, const Json& config,
                     const std::vector<size_t>& inputs) {
    of_node_[i] = layers_.size();
    return add_layer(name_of(i), class_name, config, inputs);
  }
  ExportedLayer& add_layer(const std::string& name, const std::string& class_name,
                           const Json& config, const std::vector<size_t>& inputs) {
    Json all = {{"name", name}, {"dtype", "float32"}};
    all.update(config);
    return layers_.emplace_back(ExportedLayer{name, class_name, all, inputs, {}});
  }

  void add_input() override {
    const Shape& shape = network().input_shape();
    add(0, "InputLayer", {{"batch_input_shape", {nullptr, shape[0], shape[1], shape[2]}}});
  }

  void add_clip(int i, const Activation& clip) override {
    if (clip.values.low != 0) return add_other(i);
    const float high = clip.values.high;
    add(i, "ReLU", std::isinf(high) ? Json::object() : Json{{"max_value", high}});
  }

  /// Layers that have another name in Keras.
  void add_other(int i) override {
    struct KerasClass {
      const char* name;
      Json (*config)(const Options&) = [](const Options&) { return Json::object(); };
    };
    const auto channels_last = [](const Options&) -> Json {
      return {{"data_format", "channels_last"}};
    };
    static const std::map<std::string, KerasClass> plain{
        {"add", {"Add"}},
        {"concat",
         {"Concatenate",
          [](const Options&) -> Json {
            return {{"axis", -1}};
          }}},
        {"flatten", {"Flatten", channels_last}},
        {"global_average_pool", {"GlobalAveragePooling2D", channels_last}},
        {"leaky_relu",
         {"LeakyReLU",
          [](const Options& o) -> Json {
            return {{"alpha", o.number("slope", Options::required, accept::any<double>(), "")}};
          }}},
        {"multiply", {"Multiply"}},
        {"sigmoid", {"Activation", [](const Options&) -> Json {
                       return {{"activation", "sigmoid"}};
                     }}}};
    const auto found = plain.find(node(i).kind);
    if (found == plain.end())
      refuse(i,
             "accepted: add, average_pool, batch_norm, concat, conv2d, dense, flatten, "
             "global_average_pool, leaky_relu, max_pool, multiply, relu, relu6, sigmoid");
    add(i, found->second.name, found->second.config(network().spec(i).options));
  }

  /// The layer that a window slides over: the input's, or a ZeroPadding2D after it.
  std::vector<size_t> padded_input(int i, const Convolution& g, bool needs_layer) {
    const size_t input = of_node_[node(i).inputs[0]];
    if (!needs_layer) return {input};
    const Json config = {{"padding", {{g.pad_top, g.pad_bottom}, {g.pad_left, g.pad_right}}},
                         {"data_format", "channels_last"}};
    const std::string name = unique_name(node(i).name + "_padding");
    add_layer(name, "ZeroPadding2D", config, {input});
    return {layers_.size() - 1};
  }

  static Json window_config(const Convolution& g, const char* kernel, bool is_explicit) {
    const bool is_valid = is_explicit || !g.has_padding();
    return {{kernel, {g.kernel_h, g.kernel_w}},
            {"strides", {g.stride_h, g.stride_w}},
            {"padding", is_valid ? "valid" : "same"},
            {"data_format", "channels_last"}};
  }

  void add_convolution(int i, const Convolution& g, const Linear<float>& linear) override {
    const bool is_explicit = g.has_padding() && !is_same(g);
    const std::vector<size_t> input = padded_input(i, g, is_explicit);
    Json config = window_config(g, "kernel_size", is_explicit);
    config["use_bias"] = !linear.bias->master.empty();
    if (g.is_depthwise()) {
      config["depth_multiplier"] = 1;
    } else {
      config["filters"] = g.out_c;
      config["groups"] = g.groups;
    }
    ExportedLayer& layer = add(i, g.is_depthwise() ? "DepthwiseConv2D" : "Conv2D", config, input);
    add_linear_arrays(layer, linear, g.is_depthwise() ? "depthwise_kernel" : "kernel");
  }

  void add_dense(int i, const Linear<float>& linear) override {
    const Json config = {{"units", linear.out_channels},
                         {"use_bias", !linear.bias->master.empty()}};
    add_linear_arrays(add(i, "Dense", config), linear, "kernel");
  }

  void add_batch_norm(int i, const ChannelAffine<float>& norm) override {
    ExportedLayer& layer =
        add(i, "BatchNormalization",
            {{"axis", -1}, {"momentum", other_momentum(norm.momentum)}, {"epsilon", norm.epsilon}});
    add_array(layer, "gamma", *norm.gamma);
    add_array(layer, "beta", *norm.beta);
    add_array(layer, "moving_mean", *norm.mean);
    add_array(layer, "moving_variance", *norm.variance);
  }

  bool is_never_negative(int i) const {
    const auto activation = i > 0 ? network().layer(i)->activation() : std::nullopt;
    return activation && activation->values.low >= 0;
  }

  /// Keras' pools leave padding out of maxima and means; a ZeroPadding2D makes zeros count.
  void add_pool(int i, const Pooling& pooling) override {
    const Convolution& g = pooling.window;
    const bool is_max = pooling.kind == Pooling::Kind::max;
    // After a relu, a zero never exceeds the maximum.
    const bool counts_zeros =
        is_max ? is_never_negative(node(i).inputs[0]) : pooling.counts_padding;
    const bool is_explicit =
        g.has_padding() && (!is_same(g) || (!is_max && pooling.counts_padding));
    if (is_explicit && !counts_zeros)
      refuse(i,
             fmt::format("found padding [{}, {}, {}, {}] that does not count as zeros; accepted: "
                         "same, valid{}",
                         g.pad_top, g.pad_bottom, g.pad_left, g.pad_right,
                         is_max ? ", any after a relu" : ", any with count_padding: true"));
    const std::vector<size_t> input = padded_input(i, g, is_explicit);
    add(i, is_max ? "MaxPooling2D" : "AveragePooling2D", window_config(g, "pool_size", is_explicit),
        input);
  }

  static void add_array(ExportedLayer& layer, const std::string& name,
                        const Parameter<float>& parameter) {
    const auto sizes = parameter.master.shape().sizes();
    layer.arrays.push_back(
        {name, {sizes.begin(), sizes.end()}, std::span<const float>(parameter.master.values())});
  }
  static void add_linear_arrays(ExportedLayer& layer, const Linear<float>& linear,
                                const std::string& kernel) {
    add_array(layer, kernel, *linear.weight);
    if (kernel == "depthwise_kernel") layer.arrays.back().sizes.push_back(1);  // [kh,kw,C,1]
    if (!linear.bias->master.empty()) add_array(layer, "bias", *linear.bias);
  }

  std::vector<ExportedLayer> layers_;
  std::vector<size_t> of_node_;  // the layer whose result is the node's
};

}  // namespace

std::vector<ExportedLayer> layers_for_keras(const Network& network) {
  return Exporter(network).take();
}

}  // namespace quantdyn
