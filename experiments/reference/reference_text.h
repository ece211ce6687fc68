// The reference as text: what `quantdyn list` prints.
#pragma once

#include <string>

namespace quantdyn {

/// Everything, or what `only` names, with meanings cut into lines that fit into `columns`, if they
/// can (0: one line each): a kind ("quantizer"), one of it ("affine",
/// "train.quantization", "equalize"), or else a key or an accepted value of some of them
/// ("momentum", "lsq"). ConfigError where it names nothing, with the nearest names.
std::string reference_text(const std::string& only, size_t columns = 0);

}  // namespace quantdyn
