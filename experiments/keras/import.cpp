#include "experiments/keras/import.h"

#include "experiments/keras/layers.h"
#include "experiments/results/result_reader.h"
#include "framework/base/error.h"
#include "framework/base/text_file.h"
#include "framework/base/trial.h"

namespace quantdyn {
namespace {

namespace fs = std::filesystem;

std::string config_of(const h5::File& file) {
  const std::string name = file.path().string();
  if (file.has_attribute("model_config")) return file.text("model_config");
  if (file.has_attribute("schema"))
    throw_error<ConfigError>("{}: is a result of quantdyn; accepted: a Keras model", name);
  if (file.has_attribute("layer_names"))
    throw_error<ConfigError>(
        "{}: has no attribute model_config: it holds only weights; accepted: a file "
        "that model.save() wrote",
        name);
  throw_error<ConfigError>(
      "{}: has no attribute model_config; accepted: a file that a Keras model's save() "
      "wrote",
      name);
}

/// Before libhdf5 sees the file.
void check_format(const fs::path& path) {
  if (!is_file(path)) throw_error<ConfigError>("{}: {}", path.string(), why_no_file(path));
  if (looks_like_hdf5(path)) return;
  throw_error<ConfigError>(
      "{}: does not start like an HDF5 file{}; accepted: a Keras model in HDF5, as "
      "model.save(\"model.h5\") writes it",
      path.string(), path.extension() == ".keras" ? " (a .keras archive is a zip file)" : "");
}

Network build(const fs::path& path) {
  const h5::File file = h5::File::open(path);
  const KerasModel model = parse_keras_model(config_of(file), path.string());
  const KerasWeights weights(file);
  KerasBuilder builder(model, weights);
  for (const KerasLayer& layer : model.layers) add_keras_layer(builder, layer);
  return builder.finish();
}

bool has_model(const fs::path& path) try {
  const h5::File file = h5::File::open(path);
  return file.has_attribute("model_config") || file.has_attribute("layer_names") ||
         file.has("model_weights");
} catch (const Error&) {
  return false;
}

}  // namespace

bool is_keras_file(const fs::path& path) {
  const std::string extension = path.extension().string();
  const bool is_named_so = extension == ".h5" || extension == ".hdf5" || extension == ".keras";
  return is_named_so || looks_like_hdf5(path);
}

bool holds_keras_model(const fs::path& path) {
  // A result's checksum is compared before libhdf5 sees the file: leave that to ResultReader.
  if (!looks_like_hdf5(path) || fs::exists(path.string() + ".sha256")) return false;
  try_reading(path, 30, [&] { has_model(path); });
  return has_model(path);
}

Network import_keras(const fs::path& path) try {
  check_format(path);
  try_reading(path, 30, [&] { build(path); });
  return build(path);
} catch (const Error& e) {
  const std::string message = e.what(), file = path.string();
  throw_error<ConfigError>("{}{}", message.starts_with(file) ? "" : file + ": ", message);
}

}  // namespace quantdyn
