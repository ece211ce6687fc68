// The names that a run writes in its output folder, before it starts.
#pragma once

#include <filesystem>

namespace quantdyn {

/// ConfigError if something in the output folder, or where it would be, keeps a run from writing
/// there in the end: a folder in the place of a file, or a file in the place of a folder. Writes
/// nothing.
void require_usable(const std::filesystem::path& output);

}  // namespace quantdyn
