// Which instruction set the vectorized kernels run on here.
#pragma once

#include <string>

namespace quantdyn {

/// "AVX3_DL", "AVX2", ...: Highway's name of the target it picked at run time. Bits may differ
/// between targets.
std::string simd_target();

}  // namespace quantdyn
