#include "experiments/keras/weights.h"

#include <algorithm>

#include "experiments/formats/network_builder.h"
#include "framework/base/error.h"

namespace quantdyn {
namespace {

h5::Group weights_of(const h5::File& file) {
  if (!file.is_group("model_weights"))
    throw_error<ConfigError>(
        "{}: has no group 'model_weights'; expected the weights of each layer in it",
        file.path().string());
  return file.group("model_weights");
}

/// Keras splits a list of over 64 KB into name0, name1 ...
std::vector<std::string> read_list(const h5::Group& group, const std::string& name) {
  if (group.has_attribute(name)) return group.texts(name);
  std::vector<std::string> out;
  for (int i = 0; group.has_attribute(name + std::to_string(i)); ++i)
    std::ranges::copy(group.texts(name + std::to_string(i)), std::back_inserter(out));
  return out;
}

/// "kernel" of "block/conv2d/kernel:0".
std::string short_name(const std::string& path) {
  const std::string last = path.substr(path.find_last_of('/') + 1);
  return last.substr(0, last.find(':'));
}

}  // namespace

KerasWeights::KerasWeights(const h5::File& file) : group_(weights_of(file)) {}

h5::Dataset KerasWeights::find(const KerasLayer& layer, std::span<const std::string> names) const {
  const std::string wanted = fmt::format("{}", fmt::join(names, " or "));
  if (!group_.is_group(layer.name))
    layer.config.refuse("", "the file has no group of its weights in model_weights");
  const h5::Group arrays = group_.group(layer.name);
  const std::vector<std::string> paths = read_list(arrays, "weight_names");
  std::vector<std::string> found;
  for (const std::string& path : paths)
    if (std::ranges::find(names, short_name(path)) != names.end()) found.push_back(path);
  if (found.size() != 1)
    layer.config.refuse(
        "", fmt::format("{} weights called {}; its weight_names are: {}",
                        found.empty() ? "no" : "several", wanted,
                        paths.empty() ? "none" : fmt::format("{}", fmt::join(paths, ", "))));
  if (!arrays.has(found[0]) || arrays.is_group(found[0]))
    layer.config.refuse(
        "", fmt::format("the array '{}', which its weight_names list, is missing", found[0]));
  return arrays.dataset(found[0]);
}

std::vector<float> KerasWeights::read(const KerasLayer& layer, std::span<const std::string> names,
                                      std::span<const int64_t> sizes) const {
  const h5::Dataset array = find(layer, names);
  const std::string& name = names.front();
  check_array(layer.config, name, array.sizes(), sizes);
  if (array.content() != h5::Content::floats)
    layer.config.refuse("", fmt::format("{} holds no floating-point numbers", name));
  std::vector<float> values = array.read<float>();
  check_finite(layer.config, name, sizes, values);
  return values;
}

}  // namespace quantdyn
