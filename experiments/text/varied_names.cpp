#include "experiments/text/varied_names.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <set>

#include "framework/config/config_node.h"
#include "framework/config/config_values.h"

namespace quantdyn {
namespace {

/// What can be part of a folder's name and needs no quotes in a shell; other characters become '_'.
std::string plain(const std::string& text) {
  std::string out = text;
  for (char& c : out) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80 && !std::isalnum(byte) &&
        std::string_view("_.+-").find(c) == std::string_view::npos)
      c = '_';
  }
  return out;
}

/// The last `words` words of a key.
std::string last_words(const std::string& key, size_t words) {
  size_t begin = key.size();
  for (size_t i = 0; i < words && begin != std::string::npos; ++i)
    begin = begin == 0 ? std::string::npos : key.rfind('.', begin - 1);
  return begin == std::string::npos ? key : key.substr(begin + 1);
}

/// Few last words of each key, so that no two are the same.
std::vector<std::string> labels_of(const std::vector<VariedKey>& keys) {
  std::vector<std::string> out;
  for (const VariedKey& varied : keys) {
    size_t words = 1;
    const auto is_shared = [&](const VariedKey& other) {
      return other.key != varied.key &&
             last_words(other.key, words) == last_words(varied.key, words);
    };
    while (std::ranges::any_of(keys, is_shared)) ++words;
    out.push_back(last_words(varied.key, words));
  }
  return out;
}

bool names_a_file(const std::string& text) {
  const std::string extension = std::filesystem::path(text).extension();
  return text.find('/') != std::string::npos || extension == ".yaml" || extension == ".h5" ||
         extension == ".onnx";
}

/// "" where a value has no short text of its own.
std::string short_text(const std::string& label, const ConfigNode& value) {
  if (value.kind == ConfigNode::Kind::map) {
    for (const char* key : {"name", "file"})
      if (const auto named = value.find(key); named && named->kind == ConfigNode::Kind::scalar)
        return names_a_file(named->scalar) ? std::filesystem::path(named->scalar).stem().string()
                                           : named->scalar;
    return "";
  }
  if (value.kind != ConfigNode::Kind::scalar) return "";
  double number = 0;
  const bool is_number = !value.quoted && parse_number(value.scalar, number);
  if (is_number && std::isalpha(static_cast<unsigned char>(label.back())))
    return label + value.scalar;
  if (is_number || (!value.quoted && (value.scalar == "true" || value.scalar == "false")))
    return label + "_" + value.scalar;
  return names_a_file(value.scalar) ? std::filesystem::path(value.scalar).stem().string()
                                    : value.scalar;
}

std::vector<std::string> parts_of(const std::string& label, const VariedKey& varied) {
  std::vector<std::string> out;
  for (const std::string& value : varied.values)
    out.push_back(plain(short_text(label, *parse_yaml(value, varied.key))));
  const std::set<std::string> distinct(out.begin(), out.end());
  if (distinct.size() == out.size() && !distinct.contains("")) return out;
  for (size_t i = 0; i < out.size(); ++i) out[i] = plain(fmt::format("{}_{}", label, i + 1));
  return out;
}

}  // namespace

std::vector<std::vector<std::string>> name_parts(const std::vector<VariedKey>& keys) {
  const std::vector<std::string> labels = labels_of(keys);
  std::vector<std::vector<std::string>> out;
  for (size_t k = 0; k < keys.size(); ++k) out.push_back(parts_of(labels[k], keys[k]));
  return out;
}

}  // namespace quantdyn
