// The macros of network files. Each one adds primitives, so a net of blocks is the same as one of
// primitives.
#include <cmath>
#include <map>

#include "framework/config/plugin_library.h"
#include "framework/graph/network.h"

namespace quantdyn {
namespace {

using Entries = std::vector<std::pair<std::string, std::string>>;

/// A primitive that is an activation, with the options that it was given.
struct ActivationChoice {
  std::string kind;
  Options options;
};

/// None for `activation: none`.
std::optional<ActivationChoice> read_activation(const Options& macro) {
  const Options given = macro.plugin("activation", "relu", "activation after the norm, or `none`");
  const std::string kind = given.plugin_name();
  if (kind == "none") {
    given.finish();
    return {};
  }
  const LayerRegistry<float>& layers = LayerRegistry<float>::instance();
  if (!layers.entries().contains(kind) || !layers.make(given)->activation())
    macro.refuse("activation", fmt::format("'{}' is not an activation; accepted: {}, none", kind,
                                           activation_names()));
  std::vector<std::string> keys = given.keys();
  std::erase(keys, "name");
  return ActivationChoice{kind, given.derive({}, keys)};
}

/// Options common to all macros: what follows a convolution, and the width multiplier.
struct Style {
  bool norm;
  std::optional<ActivationChoice> activation;
  double width;
  Options norm_options;

  explicit Style(const Options& options)
      : norm(options.flag("norm", true,
                          "batch norm after every convolution (which then has no bias)")),
        activation(read_activation(options)),
        width(options.number("width", 1.0, accept::over(0.0),
                             "width multiplier of all channel counts")),
        norm_options(options.section("batch_norm", "options of the batch norms")) {
    options.plugin("initializer", "network", "how the weights of its convolutions start");
  }
  /// channels * width to the nearest whole number, at least 1 (Howard et al. 2017, section 3.3).
  int64_t scaled(int64_t channels) const {
    return std::max<int64_t>(1, std::llround(static_cast<double>(channels) * width));
  }
};

struct Convolved {
  int64_t channels;
  int64_t kernel = 1;
  int64_t stride = 1;
  int64_t groups = 1;
  std::string padding;  // YAML
  bool norm = true;
  std::optional<ActivationChoice> activation = {};
};

/// Lets `name` stand for `node`; ConfigError where another node or unit has the name.
template <typename T>
void name_unit(BasicNetwork<T>& net, const Options& options, const std::string& name,
               const std::string& node) {
  if (net.index_of(name) >= 0)
    options.refuse("name", fmt::format("two nodes are called '{}'", name));
  net.add_alias(name, node);
}

/// Adds the activation, if there is one, after node `last` of `name`; returns the last node.
template <typename T>
std::string add_activation(BasicNetwork<T>& net, const std::string& name, const std::string& last,
                           const std::optional<ActivationChoice>& activation) {
  if (!activation) return last;
  const std::string node = name + ".activation";
  net.add(
      {.name = node, .kind = activation->kind, .inputs = {last}, .options = activation->options});
  return node;
}

/// Adds conv (+ norm) (+ activation) as unit `name`; the name then means the last of these nodes.
template <typename T>
void add_convolution(BasicNetwork<T>& net, const Options& options, const Style& style,
                     const std::string& name, const std::string& input, const Convolved& c) {
  Entries entries{{"channels", std::to_string(c.channels)},
                  {"kernel", std::to_string(c.kernel)},
                  {"stride", std::to_string(c.stride)},
                  {"groups", std::to_string(c.groups)},
                  {"padding", c.padding},
                  {"bias", c.norm ? "false" : "true"}};
  std::string last = name + ".conv";
  net.add({.name = last,
           .kind = "conv2d",
           .inputs = {input},
           .options = options.derive(entries, {"initializer"}),
           .unit = name});
  if (c.norm) {
    net.add({.name = name + ".norm",
             .kind = "batch_norm",
             .inputs = {last},
             .options = style.norm_options.derive({}, style.norm_options.keys())});
    last = name + ".norm";
  }
  name_unit(net, options, name, add_activation(net, name, last, c.activation));
}

std::string read_padding(const Options& options, int64_t kernel) {
  return options.text("padding", std::to_string(kernel / 2),
                      "rows and columns of zeros on each side, `same` or `valid`");
}

int64_t read_channels(const Options& options) {
  return options.integer("channels", Options::required, accept::at_least<int64_t>(1),
                         "output channels before the width multiplier");
}

int64_t read_stride(const Options& options) {
  return options.integer("stride", 1, accept::at_least<int64_t>(1),
                         "step between outputs, in pixels");
}

int64_t read_kernel(const Options& options) {
  return options.integer("kernel", 3, accept::at_least<int64_t>(1),
                         "height and width of the filters");
}

/// `groups`: a number, or `depthwise` for one group per channel.
int64_t read_groups(const Options& options, const std::string& fallback, int64_t in_channels) {
  const std::string given =
      options.text("groups", fallback, "groups of the spatial convolution, or `depthwise`");
  if (given == "depthwise") return in_channels;
  return options.integer("groups", std::nullopt, accept::between<int64_t>(1, in_channels),
                         "groups of the spatial convolution");
}

const std::string& only(const Options& options, const std::vector<std::string>& inputs) {
  if (inputs.size() != 1) options.refuse("inputs", "this macro reads exactly one node");
  return inputs[0];
}

/// conv k x k -> batch norm -> activation.
template <typename T>
void block(BasicNetwork<T>& net, const Options& options, const std::string& name,
           const std::vector<std::string>& inputs) {
  const Style style(options);
  const std::string& input = only(options, inputs);
  const int64_t kernel = read_kernel(options);
  const int64_t groups = read_groups(options, "1", net.shape_of(input).channels());
  add_convolution(net, options, style, name, input,
                  {.channels = style.scaled(read_channels(options)),
                   .kernel = kernel,
                   .stride = read_stride(options),
                   .groups = groups,
                   .padding = read_padding(options, kernel),
                   .norm = style.norm,
                   .activation = style.activation});
}

/// Grouped (depthwise) conv k x k -> norm -> activation -> pointwise conv -> norm -> activation
/// (Howard et al. 2017); norm and activation between the two are optional.
template <typename T>
void separable(BasicNetwork<T>& net, const Options& options, const std::string& name,
               const std::vector<std::string>& inputs) {
  const Style style(options);
  const std::string& input = only(options, inputs);
  const int64_t in_channels = net.shape_of(input).channels();
  const int64_t kernel = read_kernel(options);
  const bool between_norm =
      options.flag("between_norm", true, "batch norm between the two convolutions");
  const bool between_activation =
      options.flag("between_activation", true, "activation between the two convolutions");
  add_convolution(net, options, style, name + "_dw", input,
                  {.channels = in_channels,
                   .kernel = kernel,
                   .stride = read_stride(options),
                   .groups = read_groups(options, "depthwise", in_channels),
                   .padding = read_padding(options, kernel),
                   .norm = style.norm && between_norm,
                   .activation = between_activation ? style.activation : std::nullopt});
  add_convolution(net, options, style, name + "_pw", name + "_dw",
                  {.channels = style.scaled(read_channels(options)),
                   .padding = "0",
                   .norm = style.norm,
                   .activation = style.activation});
  name_unit(net, options, name, name + "_pw");
}

/// The sum of two branches, then the activation if there is one.
template <typename T>
void add_sum(BasicNetwork<T>& net, const Options& options, const std::string& name,
             const std::string& a, const std::string& b,
             const std::optional<ActivationChoice>& activation) {
  net.add({.name = name + ".add",
           .kind = "add",
           .inputs = {a, b},
           .options = options.derive({}),
           .unit = name});
  name_unit(net, options, name, add_activation(net, name, name + ".add", activation));
}

/// Two 3x3 blocks beside a shortcut: the identity, or a pointwise convolution if shapes differ
/// (He et al. 2016, figure 2 and option B).
template <typename T>
void residual(BasicNetwork<T>& net, const Options& options, const std::string& name,
              const std::vector<std::string>& inputs) {
  const Style style(options);
  const std::string& input = only(options, inputs);
  const int64_t channels = style.scaled(read_channels(options)), stride = read_stride(options);
  const int64_t kernel = read_kernel(options);
  const std::string padding = read_padding(options, kernel);
  add_convolution(net, options, style, name + "_1", input,
                  {.channels = channels,
                   .kernel = kernel,
                   .stride = stride,
                   .padding = padding,
                   .norm = style.norm,
                   .activation = style.activation});
  add_convolution(net, options, style, name + "_2", name + "_1",
                  {.channels = channels, .kernel = kernel, .padding = padding, .norm = style.norm});
  std::string shortcut = input;
  if (stride != 1 || channels != net.shape_of(input).channels()) {
    shortcut = name + "_shortcut";
    add_convolution(net, options, style, shortcut, input,
                    {.channels = channels, .stride = stride, .padding = "0", .norm = style.norm});
  }
  add_sum(net, options, name, name + "_2", shortcut, style.activation);
}

/// Pointwise expansion -> depthwise -> linear pointwise projection, with a sum if shapes allow
/// (Sandler et al. 2018, figure 3b).
template <typename T>
void inverted_residual(BasicNetwork<T>& net, const Options& options, const std::string& name,
                       const std::vector<std::string>& inputs) {
  const Style style(options);
  const std::string& input = only(options, inputs);
  const int64_t in_channels = net.shape_of(input).channels();
  const int64_t channels = style.scaled(read_channels(options)), stride = read_stride(options);
  const int64_t kernel = read_kernel(options);
  const int64_t expansion = options.integer("expansion", 6, accept::at_least<int64_t>(1),
                                            "channels inside per input channel");
  std::string before = input;
  if (expansion > 1) {
    add_convolution(net, options, style, name + "_expand", input,
                    {.channels = in_channels * expansion,
                     .padding = "0",
                     .norm = style.norm,
                     .activation = style.activation});
    before = name + "_expand";
  }
  const int64_t inside = in_channels * expansion;
  add_convolution(net, options, style, name + "_dw", before,
                  {.channels = inside,
                   .kernel = kernel,
                   .stride = stride,
                   .groups = inside,
                   .padding = read_padding(options, kernel),
                   .norm = style.norm,
                   .activation = style.activation});
  const bool is_summed = stride == 1 && channels == in_channels;
  const std::string projection = is_summed ? name + "_project" : name;
  add_convolution(net, options, style, projection, name + "_dw",
                  {.channels = channels, .padding = "0", .norm = style.norm});
  if (is_summed) add_sum(net, options, name, projection, input, std::nullopt);
}

template <typename T>
const std::map<std::string, NetworkMacro<T>>& macros() {
  static const std::map<std::string, NetworkMacro<T>> table{
      {"block", block<T>},
      {"separable", separable<T>},
      {"residual", residual<T>},
      {"inverted_residual", inverted_residual<T>}};
  return table;
}

}  // namespace

template <typename T>
NetworkMacro<T> find_macro(const std::string& name) {
  const auto found = macros<T>().find(name);
  return found == macros<T>().end() ? NetworkMacro<T>() : found->second;
}
template NetworkMacro<float> find_macro<float>(const std::string&);
template NetworkMacro<double> find_macro<double>(const std::string&);

namespace {

/// A layer of a macro's name could not be asked for.
[[maybe_unused]] const bool names_are_reserved = [] {
  for (const auto& [name, macro] : macros<float>()) reserved_names().push_back(name);
  return true;
}();

}  // namespace

std::string macro_names() {
  std::string out;
  for (const auto& [name, macro] : macros<float>()) out += (out.empty() ? "" : ", ") + name;
  return out;
}

}  // namespace quantdyn
