// What a result records of the process that wrote it: time, build, memory.
#pragma once

#include <string>

namespace quantdyn {

/// The time in ISO 8601.
std::string now_utc();

/// The commit that the program was built from.
std::string revision();

/// Peak resident memory of this process so far, in MiB.
double peak_memory_mib();

}  // namespace quantdyn
