// Mutations of seeds: of their bytes and, in ONNX models, of their fields.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace quantdyn::test {

/// One of the seeds with some bytes changed, cut or copied: the i-th of `seed` is the same on every
/// machine.
std::string mutated(const std::vector<std::string>& seeds, uint64_t seed, uint64_t i);

/// Valid models, each with other operators.
std::vector<std::string> onnx_seeds();

/// The i-th mutated model of a seed: the same bytes on every machine.
std::string mutated_onnx(const std::vector<std::string>& seeds, uint64_t seed, uint64_t i);

}  // namespace quantdyn::test
