// Mutations of small ONNX models: of their bytes, and of their fields.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace quantdyn::test {

/// Valid models, each with other operators.
std::vector<std::string> onnx_seeds();

/// The i-th mutated model of a seed: the same bytes on every machine.
std::string mutated_onnx(const std::vector<std::string>& seeds, uint64_t seed, uint64_t i);

}  // namespace quantdyn::test
