// Trying in a child process what may crash: libhdf5 on a damaged file.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

namespace quantdyn {

/// Runs `act` in a child process, only to see whether the process survives; what `act` throws there
/// is ignored, as it throws again when the caller runs it. Throws Error, beginning with `what`, if
/// the child crashes or takes more than `seconds`.
///
/// The child has only this thread: no other thread may be inside a library that `act` uses, and
/// `act` may not compute in parallel.
void try_in_child(const std::string& what, unsigned seconds, const std::function<void()>& act);

/// `act` reads an HDF5 file: libhdf5 crashes or hangs on some damaged ones, so a child process
/// tries first. ConfigError naming the file if the child crashes or takes longer.
void try_reading(const std::filesystem::path& file, unsigned seconds,
                 const std::function<void()>& act);

}  // namespace quantdyn
