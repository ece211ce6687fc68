// How long-running work inside the library reports its progress to the caller.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace quantdyn {

/// `what` is being done, `done` of `total` `units` ("layers", "images") are finished.
using WorkNote = std::function<void(const std::string& what, int64_t done, int64_t total,
                                    const std::string& units)>;

}  // namespace quantdyn
