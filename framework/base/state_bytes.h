// A State as bytes, to give it to other processes of the same build.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "framework/base/state.h"

namespace quantdyn {

std::vector<std::byte> bytes_of(const State& state);
/// The states of all ranks, by rank; they call it together.
std::vector<State> gather(const State& own);
/// What bytes_of() gave. Error if the bytes end too early.
State state_of(std::span<const std::byte> bytes);

}  // namespace quantdyn
