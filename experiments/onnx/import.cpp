#include "experiments/onnx/import.h"

#include <fstream>

#include "experiments/onnx/operators.h"
#include "experiments/onnx/read_model.h"
#include "framework/base/error.h"
#include "framework/base/trial.h"

namespace quantdyn {

namespace fs = std::filesystem;

bool is_onnx_file(const fs::path& path) {
  if (path.extension() == ".onnx") return true;
  // The first field of every model is its version: tag 1 and a small number, which no YAML begins
  // with; the next is a string or a message.
  std::ifstream in(path, std::ios::binary);
  char bytes[3] = {};
  if (!in.read(bytes, 3)) return false;
  const bool is_version = bytes[0] == 0x08 && bytes[1] >= 3 && bytes[1] < 32;
  return is_version && (bytes[2] == 0x12 || bytes[2] == 0x3a || bytes[2] == 0x42);
}

OnnxImport build_onnx(const OnnxModel& model) {
  OnnxBuilder builder(model);
  for (const OnnxNode& node : model.nodes) add_onnx_node(builder, node);
  return builder.finish();
}

OnnxImport import_onnx(const fs::path& path, std::optional<std::span<const int64_t>> input) try {
  // libonnx is not made for foreign bytes: a child process reads the model first.
  try_in_child(path.string() + ": libonnx", {10, int64_t{4} << 30},
               [&] { build_onnx(read_onnx_model(path, input)); });
  return build_onnx(read_onnx_model(path, input));
} catch (const Error& e) {
  const std::string message = e.what(), file = path.string();
  throw_error<ConfigError>("{}{}", message.starts_with(file) ? "" : file + ": ", message);
}

}  // namespace quantdyn
