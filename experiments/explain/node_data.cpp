#include "experiments/explain/node_data.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "framework/base/durable_file.h"
#include "framework/base/error.h"

namespace quantdyn {
namespace {

using Json = nlohmann::ordered_json;

/// Colours of the lowest and of the highest value: orange is bad, blue is only much.
Json gradient(LayerNote::Bad bad) {
  const char* const white = "#ffffff";
  const char* const strong = bad == LayerNote::Bad::neither ? "#56b4e9" : "#d55e00";
  const bool is_low = bad == LayerNote::Bad::low;
  return {{{"stop", 0}, {"bgColor", is_low ? strong : white}},
          {{"stop", 1}, {"bgColor", is_low ? white : strong}}};
}

}  // namespace

std::vector<std::filesystem::path> write_node_data(const ResultReader& result,
                                                   const std::vector<LayerNote>& notes,
                                                   const std::filesystem::path& folder) {
  try {
    std::filesystem::create_directories(folder);
  } catch (const std::filesystem::filesystem_error& error) {
    throw_error<Error>("{}: cannot be made: {}", folder.string(), error.code().message());
  }
  const std::vector<NodeRow> layers = result.network();
  for (const std::string& key : layer_note_keys()) {
    std::error_code ignored;
    std::filesystem::remove(folder / (key + ".json"), ignored);
  }
  std::vector<std::filesystem::path> files;
  for (const LayerNote& note : notes) {
    Json values = Json::object();
    for (size_t i = 0; i < layers.size(); ++i)
      if (std::isfinite(note.values[i])) values[layers[i].name] = {{"value", note.values[i]}};
    const Json data = {{"name", note.title}, {"results", values}, {"gradient", gradient(note.bad)}};
    files.push_back(folder / (note.key + ".json"));
    write_durably(files.back(), data.dump(2) + "\n");
  }
  return files;
}

}  // namespace quantdyn
