// Copies of parsed YAML: one as it is, one with another laid over it.
#pragma once

#include "framework/config/config_node.h"

namespace quantdyn {

/// A copy that shares nothing, as if it were written out once more; nobody has read it.
ConfigNode::Pointer deep_copy(const ConfigNode& node);

/// `over` in place of `base`, or joined with it where both are mappings: the keys of `over` replace
/// those of `base`. Two plugins of different names are not joined; a bare name is a mapping with
/// `name` alone. Defaults that were written into them are left out.
ConfigNode::Pointer overlaid(const ConfigNode& base, const ConfigNode& over);

}  // namespace quantdyn
