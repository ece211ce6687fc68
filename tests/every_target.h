// Running a check on every instruction set that this processor has.
#pragma once

#include <hwy/targets.h>

#include <bit>
#include <cstdint>
#include <string>
#include <vector>

namespace quantdyn::test {

/// Calls check(name) with the kernels bound to each target in turn.
template <typename Check>
void on_every_target(const Check& check) {
  const auto bind = [](int64_t targets) {
    hwy::SetSupportedTargetsForTest(targets);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  };
  for (const int64_t target : hwy::SupportedAndGeneratedTargets()) {
    bind(target);
    check(std::string(hwy::TargetName(target)));
  }
  bind(0);
}

/// Whether the target rounds x y + z once. Highway's names; "AVX3..." is AVX-512.
inline bool has_fused_multiply_add(const std::string& target) {
  return target == "AVX2" || target.starts_with("AVX3") || target.starts_with("NEON");
}

/// To compare floats with their signs of zero and NaN payloads.
inline std::vector<uint32_t> bits(const std::vector<float>& values) {
  std::vector<uint32_t> out;
  for (const float value : values) out.push_back(std::bit_cast<uint32_t>(value));
  return out;
}

}  // namespace quantdyn::test
