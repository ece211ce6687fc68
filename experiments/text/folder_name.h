// Names that a folder below another one may have.
#pragma once

#include <string>

#include "framework/config/options.h"

namespace quantdyn {

/// Refuses the key `name` of `where` if it cannot name a folder below another one.
void check_folder_name(const Options& where, const std::string& name);

}  // namespace quantdyn
