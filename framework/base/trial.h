// Trying in a child process what may crash, hang or take all memory: libhdf5 on foreign bytes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

namespace quantdyn {

/// What a trial may take.
struct TrialLimits {
  unsigned seconds;  ///< by the clock, and of processor time
  int64_t memory;    ///< bytes on top of what this process already has
};

/// Runs `act` in a child process. An Error or ConfigError that it throws there is thrown here, with
/// the same message, so that the caller need not try what has failed. Error beginning with `what`
/// if the child crashes, exceeds a limit, is ended by a signal or throws something else.
///
/// The child has only this thread: no other thread may be inside a library that `act` uses, and
/// `act` may not compute in parallel. It ends with this process, however that ends.
void try_in_child(const std::string& what, const TrialLimits& limits,
                  const std::function<void()>& act);

/// `act` reads an HDF5 file: libhdf5 crashes, hangs or takes all memory on some damaged ones, so a
/// child process tries first. It has `seconds` and one more for each 10 MB of the file, and 1 GiB
/// and 16 times the file's size of memory. All errors are ConfigError.
void try_reading(const std::filesystem::path& file, unsigned seconds,
                 const std::function<void()>& act);

}  // namespace quantdyn
