#include "experiments/keras/export.h"

#include <algorithm>
#include <functional>

#include "experiments/formats/unique_names.h"
#include "experiments/keras/export_layers.h"
#include "framework/h5/h5.h"

namespace quantdyn {
namespace {

using Json = nlohmann::ordered_json;
using Layers = std::vector<ExportedLayer>;

constexpr const char* keras_version = "2.4.0";  // the layout is that version's

/// The order of layers in a functional model that was built from its configuration: farthest from
/// the output first; equally far ones in the order in which a walk from the output meets them.
/// Keras assigns weights to layers by their place in this order, not by name.
std::vector<size_t> keras_order(const Layers& layers) {
  std::vector<int64_t> distance(layers.size(), 0);
  for (size_t i = layers.size(); i-- > 0;)
    for (const size_t input : layers[i].inputs)
      distance[input] = std::max(distance[input], distance[i] + 1);
  std::vector<size_t> met, rank(layers.size(), layers.size());
  const std::function<void(size_t)> walk = [&](size_t i) {
    if (rank[i] != layers.size()) return;
    rank[i] = met.size();
    met.push_back(i);
    for (const size_t input : layers[i].inputs) walk(input);
  };
  walk(layers.size() - 1);
  std::ranges::stable_sort(met, [&](size_t a, size_t b) { return distance[a] > distance[b]; });
  return met;
}

Json reference(const ExportedLayer& layer) { return Json::array({layer.name, 0, 0}); }

Json model_config(const Layers& layers, std::span<const size_t> order, const std::string& name) {
  Json entries = Json::array();
  for (const size_t i : order) {
    const ExportedLayer& layer = layers[i];
    Json call = Json::array();
    for (const size_t input : layer.inputs) {
      call.push_back(reference(layers[input]));
      call.back().push_back(Json::object());
    }
    entries.push_back({{"class_name", layer.class_name},
                       {"config", layer.config},
                       {"name", layer.name},
                       {"inbound_nodes", call.empty() ? Json::array() : Json::array({call})}});
  }
  return {{"class_name", "Functional"},
          {"config",
           {{"name", name},
            {"layers", entries},
            {"input_layers", Json::array({reference(layers.front())})},
            {"output_layers", Json::array({reference(layers.back())})}}}};
}

void write_weights(h5::Group group, const Layers& layers, std::span<const size_t> order) {
  std::vector<std::string> layer_names;
  for (const size_t i : order) {
    const ExportedLayer& layer = layers[i];
    layer_names.push_back(layer.name);
    h5::Group arrays = group.make_group(layer.name);
    std::vector<std::string> names;
    for (const ExportedArray& array : layer.arrays) {
      names.push_back(fmt::format("{}/{}:0", layer.name, array.name));
      arrays.write<float>(names.back(), array.sizes, array.values);
    }
    arrays.set("weight_names", names);
  }
  group.set("layer_names", layer_names);
  group.set("backend", "tensorflow");
  group.set("keras_version", keras_version);
}

}  // namespace

void export_keras(const Network& network, const std::string& name,
                  const std::filesystem::path& path) {
  const Layers layers = layers_for_keras(network);
  const std::vector<size_t> order = keras_order(layers);
  h5::File file = h5::File::create(path);
  file.set("backend", "tensorflow");
  file.set("keras_version", keras_version);
  file.set("model_config", model_config(layers, order, UniqueNames().make(name)).dump());
  write_weights(file.make_group("model_weights"), layers, order);
  file.commit();
}

}  // namespace quantdyn
