// Trying out in a child process what may crash: libhdf5 on a damaged file.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

namespace quantdyn {

/// Runs `act` in a child process, for what it does to the process alone: it may throw whatever it
/// will throw again when the caller runs it. Throws Error, beginning with `what`, where it crashes
/// or takes over `seconds`.
///
/// The child has this thread only: no other one may be inside a library that `act` uses, and `act`
/// may not compute in parallel.
void try_in_child(const std::string& what, unsigned seconds, const std::function<void()>& act);

/// `act` reads an HDF5 file: libhdf5 crashes or hangs on some damaged ones, so a child process goes
/// first. ConfigError that names the file where it crashes or takes longer.
void try_reading(const std::filesystem::path& file, unsigned seconds,
                 const std::function<void()>& act);

}  // namespace quantdyn
