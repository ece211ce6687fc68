// Copies of parsed YAML: one as it is, one with another laid over it.
#pragma once

#include "framework/config/config_node.h"

namespace quantdyn {

/// A copy that shares nothing; none of its keys count as read.
ConfigNode::Pointer deep_copy(const ConfigNode& node);

/// `over` in place of `base`, or merged with it if both are mappings: the keys of `over` replace
/// those of `base`. Plugins with different names are not merged; a bare name is a mapping with only
/// `name`. Defaults that were written into them are left out.
ConfigNode::Pointer overlaid(const ConfigNode& base, const ConfigNode& over);

}  // namespace quantdyn
