// forward NET IMAGES.h5 LOGITS.h5: a net's logits, for keras_forward.py and onnx_forward.py. NET
// is a Keras or ONNX model or a result's last float32 snapshot; IMAGES.h5 holds x [N,H,W,C],
// LOGITS.h5 gets logits [N,classes].
#include <iostream>

#include "experiments/keras/import.h"
#include "experiments/onnx/import.h"
#include "experiments/run/network_file.h"
#include "framework/base/gemm.h"
#include "tests/experiments/logits.h"

using namespace quantdyn;

namespace {

Network load(const std::filesystem::path& file) {
  if (is_onnx_file(file)) return import_onnx(file).network;
  if (holds_keras_model(file)) return import_keras(file);
  const ResultReader result(file);
  return network_of(result, result.last());
}

}  // namespace

int main(int count, char** arguments) try {
  if (count != 4) throw_error<ConfigError>("forward NET IMAGES.h5 LOGITS.h5");
  start_gemm();
  const Network network = load(arguments[1]);
  const h5::File file = h5::File::open(arguments[2]);
  const h5::Dataset images = file.dataset("x");
  const std::vector<int64_t> sizes = images.sizes();
  const std::vector<float> x = images.read<float>();
  const Shape shape{std::span<const int64_t>(sizes)};
  const Tensor<float> logits = test::logits_of(network, {x.data(), shape});
  h5::File out = h5::File::create(arguments[3]);
  out.write<float>("logits", logits.shape().sizes(), logits.values());
  out.commit();
  return 0;
} catch (const std::exception& e) {
  std::cerr << e.what() << "\n";
  return 1;
}
