#include <string>

#include "experiments/keras/import.h"
#include "experiments/onnx/import.h"
#include "experiments/onnx/operators.h"
#include "experiments/onnx/read_model.h"
#include "tests/fuzz/targets.h"

namespace quantdyn::test {

void fuzz_keras(Bytes file) {
  expect_error_at_most([&] { import_keras(as_file(file)).clone(); });
}

void fuzz_onnx(Bytes model) {
  expect_error_at_most([&] {
    const std::string bytes(model.begin(), model.end());
    build_onnx(parse_onnx_model(bytes, "fuzz.onnx", "", {})).network.clone();
  });
}

}  // namespace quantdyn::test
