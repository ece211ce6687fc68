#include "experiments/method/raw_tensors.h"

#include <algorithm>
#include <utility>

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

/// Writes the first images that pass a tap, chunk by chunk, and only once if statistics ask for
/// another pass; every worker has its own copy of a chunk.
class RawTensors::Copy final : public Observer {
 public:
  /// `shape`: of all images to keep.
  Copy(const Shape& shape, RawPlace place)
      : images_(shape[0]),
        of_chunk_(shape.of_one().batch_of(images_per_chunk)),
        place_(place),
        is_written_(static_cast<size_t>(chunk_count(images_))),
        chunks_(static_cast<size_t>(worker_count())) {}

  void add(const Tile& tile) override {
    if (tile.chunk >= std::ssize(is_written_) || is_written_[tile.chunk]) return;
    Tensor<float>& chunk = chunks_[static_cast<size_t>(tile.worker)];
    if (chunk.empty()) chunk = Tensor<float>(of_chunk_);
    const int64_t channels = of_chunk_.channels();
    for (int64_t row = 0; row < tile.rows; ++row)
      std::copy_n(tile.values + row * tile.row_stride, tile.channels,
                  chunk.data() + (tile.first_row + row) * channels + tile.first_channel);
  }
  void end_chunk(int64_t chunk, int worker) override {
    if (chunk >= std::ssize(is_written_) || std::exchange(is_written_[chunk], true)) return;
    const int64_t first = chunk * images_per_chunk;
    const int64_t of_image = of_chunk_.of_one().elements();
    const std::span<const float> values = chunks_[static_cast<size_t>(worker)].values();
    const int64_t count = std::min(images_per_chunk, images_ - first) * of_image;
    place_.write(first * of_image, values.first(static_cast<size_t>(count)));
  }

 private:
  int64_t images_;
  Shape of_chunk_;
  RawPlace place_;
  std::vector<uint8_t> is_written_;    // by chunk; of one worker at a time
  std::vector<Tensor<float>> chunks_;  // by worker
};

RawTensors::RawTensors(const RawTensorTask& task, Evaluator& evaluator)
    : task_(task), evaluator_(evaluator) {
  if (task.settings == nullptr) return;
  const Network& network = evaluator.network();
  for (int unit = 0; unit < static_cast<int>(network.units().size()); ++unit)
    for (TapKind kind : {TapKind::conv, TapKind::norm, TapKind::output}) {
      const Unit& of = network.units()[unit];
      if (!evaluator.has_tap(unit, kind) || !task.settings->wants(of.name, to_string(kind)))
        continue;
      const Shape shape = network.nodes()[of.last].shape.batch_of(task.settings->images);
      auto copy = std::make_unique<Copy>(shape, task.into->make(of.name, to_string(kind), shape));
      evaluator.tap(unit, kind).after.push_back(copy.get());
      taps_.push_back({unit, kind, std::move(copy)});
    }
}

RawTensors::~RawTensors() {
  for (const CopiedTap& tap : taps_)
    std::erase(evaluator_.tap(tap.unit, tap.kind).after, static_cast<Observer*>(tap.copy.get()));
}

void RawTensors::add(const std::string& node, const std::string& tensor, View<const float> values) {
  if (task_.settings == nullptr || !task_.settings->wants(node, tensor)) return;
  const View<const float> kept =
      tensor == weight_gradient ? values : values.slice(0, task_.settings->images);
  task_.into->make(node, tensor, kept.shape).write(0, kept.values());
}

}  // namespace quantdyn
