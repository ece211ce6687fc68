// What a document was asked for while it was read: its keys, and those of the mappings in it.
#pragma once

#include <vector>

#include "framework/config/config_node.h"

namespace quantdyn {

/// A key that somebody wanted to read, and what was asked of the mapping that it holds.
struct AskedKey {
  OptionDescription about;
  std::vector<AskedKey> keys;  ///< of the mapping, or of all mappings of the list
  bool takes_any = false;      ///< the mapping takes keys of any name
};

/// All keys that a mapping was asked for, in that order, whether they were there or not. The keys
/// of a plugin's mapping are the plugin's own and left out.
AskedKey asked_keys(const ConfigNode& mapping);

/// Adds the keys of `other` that `into` lacks.
void merge_keys(AskedKey& into, const AskedKey& other);

}  // namespace quantdyn
