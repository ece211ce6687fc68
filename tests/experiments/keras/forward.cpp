// forward NET IMAGES.h5 LOGITS.h5 [QDQ.onnx]: a net's logits, for keras_forward.py and
// onnx_forward.py. NET is a Keras or ONNX model or a result's last float32 snapshot; IMAGES.h5
// holds x [N,H,W,C], LOGITS.h5 gets logits [N,classes]: of the net, or quantized as QDQ.onnx says.
#include <iostream>

#include "experiments/keras/import.h"
#include "experiments/method/quantized_twin.h"
#include "experiments/method/tracking.h"
#include "experiments/onnx/given_scales.h"
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

Tensor<float> quantized_logits(const Network& network, const std::string& file,
                               View<const float> x) {
  const Options root = Options::from_text(fmt::format("variants: [{{name: theirs, from: \"{}\"}}]",
                                                      std::filesystem::absolute(file).string()),
                                          "forward");
  const std::vector<Variant> variants =
      read_variants(root.list("variants", ""), network, {1, 1}, onnx_scales_for);
  const FoldedNetwork folded = fold_network(network);
  Frame frame = make_frame(folded.network);
  QuantizedTwin twin(folded, variants[0], Fusing::fused, Simulation::float32, frame);
  twin.quantize({}, {}, Rng(1), frame, [](auto&&...) {});
  return test::logits_of(twin.evaluator(), x);
}

}  // namespace

int main(int count, char** arguments) try {
  if (count != 4 && count != 5) throw_error<ConfigError>("forward NET IMAGES.h5 LOGITS.h5 [QDQ]");
  start_gemm();
  const Network network = load(arguments[1]);
  const h5::File file = h5::File::open(arguments[2]);
  const h5::Dataset images = file.dataset("x");
  const std::vector<int64_t> sizes = images.sizes();
  const std::vector<float> x = images.read<float>();
  const Shape shape{std::span<const int64_t>(sizes)};
  const Tensor<float> logits = count == 5
                                   ? quantized_logits(network, arguments[4], {x.data(), shape})
                                   : test::logits_of(network, {x.data(), shape});
  h5::File out = h5::File::create(arguments[3]);
  out.write<float>("logits", logits.shape().sizes(), logits.values());
  out.commit();
  return 0;
} catch (const std::exception& e) {
  std::cerr << e.what() << "\n";
  return 1;
}
