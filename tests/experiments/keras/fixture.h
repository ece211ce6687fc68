// Small Keras files, written layer by layer: good ones, and bad ones on purpose.
#pragma once

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "experiments/keras/import.h"
#include "framework/h5/h5.h"
#include "tests/experiments/logits.h"
#include "tests/experiments/output_folder.h"

namespace quantdyn::test {

/// A functional model as Keras 2 writes it. `input` [H,W,C] is its first layer, called "input_1";
/// the last layer added is its output.
class KerasFixture {
 public:
  explicit KerasFixture(const std::string& input = "2, 2, 1")
      : layers_(fmt::format(R"({{"class_name": "InputLayer", "config": {{"name": "input_1",
            "batch_input_shape": [null, {}]}}, "name": "input_1", "inbound_nodes": []}})",
                            input)) {}

  /// `config` is JSON without its braces and the name; `inputs` default to the layer before.
  KerasFixture& add(const std::string& class_name, const std::string& name,
                    const std::string& config = "", std::vector<std::string> inputs = {}) {
    std::string references;
    if (inputs.empty()) inputs = {last_};
    for (const std::string& input : inputs)
      references += fmt::format("{}[\"{}\", 0, 0, {{}}]", references.empty() ? "" : ", ", input);
    return add_json(
        name, fmt::format(R"({{"class_name": "{}", "config": {{"name": "{}"{}{}}},
            "name": "{}", "inbound_nodes": [[{}]]}})",
                          class_name, name, config.empty() ? "" : ", ", config, name, references));
  }
  /// A layer's entry as it stands.
  KerasFixture& add_json(const std::string& name, const std::string& json) {
    layers_ += ", " + json;
    last_ = name;
    arrays_[name];
    return *this;
  }
  /// An array of the layer added last.
  KerasFixture& array(const std::string& name, std::vector<int64_t> sizes,
                      std::vector<float> values) {
    arrays_[last_].push_back({name, std::move(sizes), std::move(values)});
    return *this;
  }

  std::string model_config() const {
    return fmt::format(R"({{"class_name": "Functional", "config": {{"name": "model", "layers": [{}],
            "input_layers": [["input_1", 0, 0]], "output_layers": [["{}", 0, 0]]}}}})",
                       layers_, last_);
  }
  std::filesystem::path write(const std::filesystem::path& path) const {
    return write(path, model_config());
  }
  std::filesystem::path write(const std::filesystem::path& path, const std::string& config) const {
    h5::File file = h5::File::create(path);
    file.set("model_config", config);
    h5::Group weights = file.make_group("model_weights");
    for (const auto& [layer, arrays] : arrays_) {
      h5::Group group = weights.make_group(layer);
      std::vector<std::string> names;
      for (const Array& array : arrays) {
        names.push_back(layer + "/" + array.name + ":0");
        group.write<float>(names.back(), array.sizes, array.values);
      }
      group.set("weight_names", names);
    }
    file.commit();
    return path;
  }

 private:
  struct Array {
    std::string name;
    std::vector<int64_t> sizes;
    std::vector<float> values;
  };
  std::string layers_, last_ = "input_1";
  std::map<std::string, std::vector<Array>> arrays_;
};

/// Imports models through a file of its own.
struct KerasFolder : OutputFolder {
  KerasFolder() { std::filesystem::create_directories(path); }
  std::filesystem::path file = path / "model.h5";

  Network import(const KerasFixture& model) const { return import_keras(model.write(file)); }
  /// The output for one image.
  std::vector<float> result(const KerasFixture& model, const std::vector<float>& image) const {
    const Network network = import(model);
    const Tensor<float> y = logits_of(network, {image.data(), network.input_shape().batch_of(1)});
    return {y.values().begin(), y.values().end()};
  }
  /// The refusal, which begins with the file.
  std::string refusal(const KerasFixture& model) const {
    return without_file([&] { import(model); });
  }
  std::string refusal_of_config(const std::string& config) const {
    return without_file([&] { import_keras(KerasFixture().write(file, config)); });
  }
  std::string without_file(const std::function<void()>& act) const {
    const std::string message = error_of<ConfigError>(act), begin = file.string() + ": ";
    BOOST_TEST(message.starts_with(begin), message);
    return message.substr(std::min(begin.size(), message.size()));
  }
};

inline const std::string unit_conv = R"("filters": 1, "kernel_size": [1, 1])";

/// One 1x1 convolution, y = 2 x + 1.
inline KerasFixture doubling() {
  return KerasFixture()
      .add("Conv2D", "conv2d", unit_conv)
      .array("kernel", {1, 1, 1, 1}, {2})
      .array("bias", {1}, {1});
}

}  // namespace quantdyn::test
