#include "experiments/onnx/export_layers.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <type_traits>

#include "experiments/formats/network_exporter.h"
#include "experiments/onnx/export_layout.h"
#include "experiments/onnx/export_quantized.h"

namespace quantdyn {
namespace {

std::vector<int64_t> channels_first(const Shape& shape) {
  if (shape.rank() == 3) return {shape[2], shape[0], shape[1]};
  return {shape.sizes().begin(), shape.sizes().end()};
}

class Exporter final : public NetworkExporter {
 public:
  Exporter(OnnxGraph& graph, const Network& network, const AffineTensors& quantized)
      : NetworkExporter(network, "ONNX"),
        graph_(graph),
        quantized_(quantized),
        values_(network.nodes().size()),
        unique_([this](const std::string& wanted) { return unique_name(wanted); }) {
    add_nodes();
    graph_.set_output(values_[network.last()], channels_first(network.output_shape()));
  }

 private:
  const std::string& input_of(int i, size_t place = 0) const {
    return values_[node(i).inputs[place]];
  }

  const AffineTensor* quantized(int unit, TensorRole role) const {
    const auto found = quantized_.find({unit, role});
    return found == quantized_.end() ? nullptr : &found->second;
  }

  /// Makes `value` what readers of node `i` read, rounded if it is a quantized unit's output.
  void set_value(int i, const std::string& value) {
    values_[i] = value;
    const int unit = node(i).unit;
    const AffineTensor* const output = quantized(unit, TensorRole::output);
    if (i != network().units()[unit].last || output == nullptr) return;
    values_[i] =
        add_rounding(graph_, unique_, name_of_tensor(unit, TensorRole::output),
                     network().units()[unit].name, value, *output, node(i).shape.rank() + 1);
  }
  std::string name_of_tensor(int unit, TensorRole role) const {
    return quantdyn::name_of(network(), {unit, role});
  }

  /// The node of layer `i` itself, from the values that it reads.
  onnx::NodeProto& add(int i, const std::string& op, const std::vector<std::string>& inputs) {
    onnx::NodeProto& out = graph_.add(op, name_of(i), inputs);
    set_value(i, out.output(0));
    return out;
  }

  void add_input() override {
    const std::string name = name_of(0);
    graph_.set_input(name, channels_first(network().input_shape()));
    set_value(0, name);
  }

  std::string float_constant(const std::string& name, const Parameter<float>& parameter) {
    return graph_.constant<float>(unique_name(name), {parameter.master.elements()},
                                  parameter.master.values());
  }

  /// `lay_out` puts values of a weight, floats or codes, into ONNX's order.
  template <typename LayOut>
  std::vector<std::string> linear_inputs(int i, const Linear<float>& linear,
                                         const std::vector<int64_t>& sizes, const LayOut& lay_out) {
    const int unit = node(i).unit;
    const std::string name = network().units()[unit].name;
    std::vector<std::string> out{input_of(i)};
    if (const AffineTensor* const weight = quantized(unit, TensorRole::weight))
      out.push_back(add_weight_codes(graph_, unique_, name_of_tensor(unit, TensorRole::weight),
                                     name + "_weight", *weight, sizes,
                                     lay_out(weight->codes.values())));
    else
      out.push_back(graph_.constant<float>(unique_name(name + "_weight"), sizes,
                                           lay_out(linear.weight->master.values())));
    if (const AffineTensor* const bias = quantized(unit, TensorRole::bias))
      out.push_back(add_bias_codes(graph_, unique_, name + "_bias", *bias));
    else if (!linear.bias->master.empty())
      out.push_back(float_constant(name + "_bias", *linear.bias));
    return out;
  }

  void set_window(onnx::NodeProto& out, const Convolution& g) {
    OnnxGraph::set(out, "kernel_shape", std::vector<int64_t>{g.kernel_h, g.kernel_w});
    OnnxGraph::set(out, "strides", std::vector<int64_t>{g.stride_h, g.stride_w});
    OnnxGraph::set(out, "pads",
                   std::vector<int64_t>{g.pad_top, g.pad_left, g.pad_bottom, g.pad_right});
  }

  void add_convolution(int i, const Convolution& g, const Linear<float>& linear) override {
    const std::vector<int64_t> sizes{g.out_c, g.in_c / g.groups, g.kernel_h, g.kernel_w};
    const auto inputs = linear_inputs(i, linear, sizes, [&]<typename T>(std::span<T> values) {
      return convolution_for_onnx(g, std::span<const std::remove_const_t<T>>(values));
    });
    onnx::NodeProto& out = add(i, "Conv", inputs);
    set_window(out, g);
    OnnxGraph::set(out, "group", g.groups);
  }

  void add_dense(int i, const Linear<float>& linear) override {
    const int64_t units = linear.out_channels;
    const auto inputs =
        linear_inputs(i, linear, {units, linear.in_channels}, [&]<typename T>(std::span<T> values) {
          return dense_for_onnx(flattened_image(node(i).inputs[0]), units,
                                std::span<const std::remove_const_t<T>>(values));
        });
    OnnxGraph::set(add(i, "Gemm", inputs), "transB", int64_t{1});
  }

  void add_batch_norm(int i, const ChannelAffine<float>& norm) override {
    const std::string name = node(i).name;
    onnx::NodeProto& out = add(
        i, "BatchNormalization",
        {input_of(i), float_constant(name + "_scale", *norm.gamma),
         float_constant(name + "_shift", *norm.beta), float_constant(name + "_mean", *norm.mean),
         float_constant(name + "_variance", *norm.variance)});
    OnnxGraph::set(out, "epsilon", static_cast<float>(norm.epsilon));
    OnnxGraph::set(out, "momentum", static_cast<float>(1 - norm.momentum));  // of the running one
  }

  void add_pool(int i, const Pooling& pooling) override {
    const bool is_max = pooling.kind == Pooling::Kind::max;
    onnx::NodeProto& out = add(i, is_max ? "MaxPool" : "AveragePool", {input_of(i)});
    set_window(out, pooling.window);
    if (!is_max) OnnxGraph::set(out, "count_include_pad", int64_t{pooling.counts_padding ? 1 : 0});
  }

  /// Relu is the clip that ONNX has a name for.
  void add_clip(int i, const Activation& clip) override {
    const Ends& ends = clip.values;
    if (ends == Ends{0, Activation::infinity}) {
      add(i, "Relu", {input_of(i)});
      return;
    }
    set_value(i, add_clip_between(graph_, unique_, name_of(i), input_of(i), std::span(&ends.low, 1),
                                  std::span(&ends.high, 1), node(i).shape.rank() + 1));
  }

  void add_channel_clip(int i, const ChannelEnds<float>& ends) override {
    set_value(i,
              add_clip_between(graph_, unique_, name_of(i), input_of(i), ends.low->master.values(),
                               ends.high->master.values(), node(i).shape.rank() + 1));
  }

  void add_other(int i) override {
    using Add = void (Exporter::*)(int);
    static const std::map<std::string, Add> others{
        {"add", &Exporter::add_sum},
        {"concat", &Exporter::add_concat},
        {"flatten", &Exporter::add_flatten},
        {"global_average_pool", &Exporter::add_global_pool},
        {"hard_swish", &Exporter::add_hard_swish},
        {"leaky_relu", &Exporter::add_leaky_relu},
        {"multiply", &Exporter::add_product},
        {"sigmoid", &Exporter::add_sigmoid}};
    const auto found = others.find(node(i).kind);
    if (found == others.end())
      refuse(
          i,
          "accepted: add, average_pool, batch_norm, channel_clip, concat, conv2d, dense, flatten, "
          "global_average_pool, hard_swish, leaky_relu, max_pool, multiply, relu, relu6, "
          "sigmoid");
    (this->*found->second)(i);
  }

  std::vector<std::string> inputs_of(int i) const {
    std::vector<std::string> out;
    for (const int input : node(i).inputs) out.push_back(values_[input]);
    return out;
  }

  void add_sum(int i) { add(i, node(i).inputs.size() == 2 ? "Add" : "Sum", inputs_of(i)); }

  void add_concat(int i) { OnnxGraph::set(add(i, "Concat", inputs_of(i)), "axis", int64_t{1}); }

  /// Whether a flattened image stays in ONNX's order, to which dense layers' weights adapt.
  bool stays_channels_first(int i) const {
    const std::vector<int> readers = network().readers(i);
    return !readers.empty() && std::ranges::all_of(readers, [&](int reader) {
      const Layer<float>& layer = *network().layer(reader);
      return layer.linear() && !layer.convolution();
    });
  }

  /// The image [H,W,C] whose values node `i` holds in ONNX's order; empty: it holds them in ours.
  Shape flattened_image(int i) const {
    if (i == 0 || !network().layer(i)->passes().order || !stays_channels_first(i)) return {};
    return node(node(i).inputs[0]).shape;
  }

  void add_flatten(int i) {
    const Shape& image = node(node(i).inputs[0]).shape;
    const std::string name = name_of(i);
    std::string value = input_of(i);
    if (image.rank() == 3 && image.channels() > 1 && image.rows() > 1 && !stays_channels_first(i)) {
      onnx::NodeProto& moved =
          graph_.add("Transpose", unique_name(name + "_channels_last"), {value});
      OnnxGraph::set(moved, "perm", std::vector<int64_t>{0, 2, 3, 1});
      value = moved.output(0);
    }
    set_value(i, graph_.add("Flatten", name, {value}).output(0));
  }

  void add_global_pool(int i) {
    const std::string name = name_of(i);
    const std::string pooled = graph_.add("GlobalAveragePool", name, {input_of(i)}).output(0);
    set_value(i, graph_.add("Flatten", unique_name(name + "_flat"), {pooled}).output(0));
  }

  void add_hard_swish(int i) {
    add(i, "HardSwish", {input_of(i)});
    graph_.require_opset(14);
  }

  void add_leaky_relu(int i) {
    const double slope =
        network().spec(i).options.number("slope", Options::required, accept::any<double>(), "");
    OnnxGraph::set(add(i, "LeakyRelu", {input_of(i)}), "alpha", static_cast<float>(slope));
  }

  /// Factors [C] of an image become [C,1,1].
  void add_product(int i) {
    const std::string name = name_of(i);
    std::vector<std::string> inputs;
    for (size_t place = 0; place < 2; ++place) {
      std::string value = input_of(i, place);
      const bool is_factor =
          node(node(i).inputs[place]).shape.rank() < node(node(i).inputs[1 - place]).shape.rank();
      if (is_factor) {
        const std::string axes =
            graph_.constant<int64_t>(unique_name(name + "_axes"), {2}, std::vector<int64_t>{2, 3});
        value = graph_.add("Unsqueeze", unique_name(name + "_factors"), {value, axes}).output(0);
      }
      inputs.push_back(value);
    }
    set_value(i, graph_.add("Mul", name, inputs).output(0));
  }

  void add_sigmoid(int i) { add(i, "Sigmoid", {input_of(i)}); }

  OnnxGraph& graph_;
  const AffineTensors& quantized_;
  std::vector<std::string> values_;  // what readers of each node read
  UniqueName unique_;
};

}  // namespace

void add_network(OnnxGraph& graph, const Network& network, const AffineTensors& quantized) {
  Exporter(graph, network, quantized);
}

}  // namespace quantdyn
