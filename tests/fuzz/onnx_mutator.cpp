// Lets libFuzzer change the fields of a model, and not only its bytes.
#include <algorithm>
#include <cstring>

#include "tests/fuzz/mutation.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t most);

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t most, unsigned seed) {
  if (seed % 4 == 0) return LLVMFuzzerMutate(data, size, most);
  static const std::vector<std::string> seeds = quantdyn::test::onnx_seeds();
  // An input of libFuzzer's own making holds no model yet.
  const std::vector<std::string> model =
      size < 16 ? seeds : std::vector<std::string>{{data, data + size}};
  const std::string out = quantdyn::test::mutated_onnx(model, seed, 0);
  if (out.size() > most) return LLVMFuzzerMutate(data, size, most);
  std::memcpy(data, out.data(), out.size());
  return out.size();
}
