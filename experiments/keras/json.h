// JSON as the tree that Options reads: the door to the JSON library for what is read.
#pragma once

#include <string>

#include "framework/config/config_node.h"

namespace quantdyn {

/// Parses a JSON text. The place of every value is `source`, without a line. A key whose value is
/// null is left out, so it counts as not given. Throws ConfigError: invalid JSON (with the byte), a
/// repeated key, nesting over 100 levels.
ConfigNode::Pointer parse_json(const std::string& text, const std::string& source);

}  // namespace quantdyn
