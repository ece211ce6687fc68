// Names made from what varies: "regular-seed0-he_normal".
#pragma once

#include <string>
#include <vector>

namespace quantdyn {

/// A key that several runs set, and its values in order, each as YAML in one line.
struct VariedKey {
  std::string key;
  std::vector<std::string> values;
};

/// The part of a name that stands for a value, [key][value]; different for the values of a key.
/// Of a text it is the text ("he_normal"), of a file's name its stem ("regular"), of a number or
/// truth value the key's last word and the value ("seed0", "fuse_true"), of a mapping its `name` or
/// the stem of its `file`.
/// Where that is the same for two values of the key: the key's last word and the value's number,
/// from 1. Two keys with one last word take more of their words: "train.epochs5".
std::vector<std::vector<std::string>> name_parts(const std::vector<VariedKey>& keys);

}  // namespace quantdyn
