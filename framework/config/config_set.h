// The command line's --set: one key of a parsed document replaced.
#pragma once

#include <string>

#include "framework/config/config_node.h"

namespace quantdyn {

/// Applies one "train.epochs=3" or "variants.0.name=a" (the value is YAML) to a document; mappings
/// on the way are created. ConfigError if there is no `=`, an empty word, or no such list
/// entry.
void apply_set(ConfigNode::Pointer document, const std::string& set);

}  // namespace quantdyn
