#include "experiments/method/raw_tensors.h"

#include <algorithm>

#include "framework/base/threads.h"

namespace quantdyn {
namespace {

constexpr const char* weight_gradient = "weight_gradient";
const std::vector<std::string> tensor_names = {
    "conv", "norm", "output", "conv_gradient", "norm_gradient", "output_gradient", weight_gradient};

bool is_gradient(const std::string& tensor) { return tensor.ends_with("_gradient"); }

bool has_tensor(const Network& network, int unit, const std::string& tensor) {
  const int leader = network.units()[unit].leader;
  if (is_gradient(tensor) && leader <= 0) return false;  // images have no gradient
  if (tensor == weight_gradient) return network.layer(leader)->linear() != nullptr;
  for (const Node<float>& node : network.nodes())
    for (TapKind kind : node.taps)
      if (node.unit == unit && tensor.starts_with(to_string(kind))) return true;
  return false;
}

void check_nodes(const Options& section, const RawTensorSettings& settings,
                 const Network& network) {
  std::vector<std::string> names;
  for (const Unit& unit : network.units()) names.push_back(unit.name);
  for (const std::string& node : settings.nodes) {
    const auto found = std::ranges::find(names, node);
    if (found == names.end())
      section.refuse("nodes", fmt::format("the net has no node '{}'; accepted: {}", node,
                                          fmt::join(names, ", ")));
    const int unit = static_cast<int>(found - names.begin());
    if (std::ranges::none_of(settings.tensors, [&](const std::string& tensor) {
          return has_tensor(network, unit, tensor);
        }))
      section.refuse("nodes", fmt::format("the node '{}' has none of the tensors {}", node,
                                          fmt::join(settings.tensors, ", ")));
  }
}

}  // namespace

RawTensorSettings RawTensorSettings::read(const Options& section, const Network& network,
                                          const Available& available) {
  RawTensorSettings out;
  out.nodes = section.texts("nodes", Options::required, "nodes by their names on the axis `layer`");
  out.tensors = section.texts("tensors", {{"output"}},
                              fmt::format("of each node: {}", fmt::join(tensor_names, ", ")));
  out.images = section.integer("images", 4, accept::at_least<int64_t>(1),
                               "the first probe images; for gradients, the first of their batch");
  out.snapshots = section.choice<Snapshots>("snapshots", Snapshots::all,
                                            {{"all", Snapshots::all}, {"last", Snapshots::last}},
                                            "which snapshots keep them");
  section.finish();
  for (const std::string& tensor : out.tensors) {
    if (std::ranges::find(tensor_names, tensor) == tensor_names.end())
      section.refuse("tensors", fmt::format("unknown tensor '{}'; accepted: {}", tensor,
                                            fmt::join(tensor_names, ", ")));
    const bool is_of_gradient = is_gradient(tensor);
    if (is_of_gradient && available.gradient_images == 0)
      section.refuse("tensors", fmt::format("'{}' asked for, but gradients are not tracked; "
                                            "expected track.gradients",
                                            tensor));
    const int64_t most = is_of_gradient ? available.gradient_images : available.probe_images;
    if (out.images > most && tensor != weight_gradient)
      section.refuse("images",
                     fmt::format("{} asked for, '{}' is tracked of {}", out.images, tensor, most));
  }
  check_nodes(section, out, network);
  return out;
}

bool RawTensorSettings::wants(const std::string& node, const std::string& tensor) const {
  return std::ranges::find(nodes, node) != nodes.end() &&
         std::ranges::find(tensors, tensor) != tensors.end();
}

/// Copies the first images that pass a tap; every worker writes its own rows.
class RawTensors::Copy final : public Observer {
 public:
  explicit Copy(const Shape& shape) : values_(shape), rows_of_image_(shape.of_one().rows()) {}

  void add(const Tile& tile) override {
    const int64_t first = tile.chunk * images_per_chunk * rows_of_image_ + tile.first_row;
    const int64_t rows = std::min(tile.rows, values_.shape().rows() - first);
    for (int64_t row = 0; row < rows; ++row)
      std::copy_n(tile.values + row * tile.row_stride, tile.channels,
                  values_.data() + (first + row) * values_.shape().channels() + tile.first_channel);
  }
  void end_chunk(int64_t, int) override {}

  const Tensor<float>& values() const { return values_; }

 private:
  Tensor<float> values_;
  int64_t rows_of_image_;
};

RawTensors::RawTensors(const RawTensorSettings* settings, Evaluator& evaluator)
    : settings_(settings), evaluator_(evaluator) {
  if (settings == nullptr) return;
  const Network& network = evaluator.network();
  for (int unit = 0; unit < static_cast<int>(network.units().size()); ++unit)
    for (TapKind kind : {TapKind::conv, TapKind::norm, TapKind::output}) {
      const Unit& of = network.units()[unit];
      if (!evaluator.has_tap(unit, kind) || !settings->wants(of.name, to_string(kind))) continue;
      const Shape shape = network.nodes()[of.last].shape.batch_of(settings->images);
      taps_.push_back({unit, kind, std::make_unique<Copy>(shape)});
      evaluator.tap(unit, kind).after.push_back(taps_.back().copy.get());
    }
}

RawTensors::~RawTensors() { detach(); }

void RawTensors::detach() {
  for (const CopiedTap& tap : taps_)
    std::erase(evaluator_.tap(tap.unit, tap.kind).after, static_cast<Observer*>(tap.copy.get()));
}

void RawTensors::add(const std::string& node, const std::string& tensor, View<const float> values) {
  if (settings_ == nullptr || !settings_->wants(node, tensor)) return;
  const View<const float> kept =
      tensor == weight_gradient ? values : values.slice(0, settings_->images);
  tensors_.push_back({node, tensor, kept.shape, {kept.values().begin(), kept.values().end()}});
}

std::vector<RawTensor> RawTensors::take() {
  detach();
  for (const CopiedTap& tap : taps_) {
    const Tensor<float>& values = tap.copy->values();
    tensors_.push_back({evaluator_.network().units()[tap.unit].name,
                        to_string(tap.kind),
                        values.shape(),
                        {values.values().begin(), values.values().end()}});
  }
  taps_.clear();
  return std::move(tensors_);
}

}  // namespace quantdyn
