// The entry that libFuzzer calls; QUANTDYN_FUZZ_TARGET is the target's function.
#include <cstddef>

#include "tests/fuzz/targets.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  quantdyn::test::QUANTDYN_FUZZ_TARGET({data, size});
  return 0;
}
