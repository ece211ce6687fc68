#include "experiments/onnx/export.h"

#include "experiments/onnx/export_layers.h"
#include "framework/base/durable_file.h"

namespace quantdyn {

void export_onnx(const Network& network, const AffineTensors& quantized,
                 const OnnxModelFacts& facts, const std::filesystem::path& file) {
  OnnxGraph graph(facts.name);
  for (const auto& [key, value] : facts.others) graph.set_fact(key, value);
  add_network(graph, network, quantized);
  graph.describe(facts.nodes);
  write_durably(file, graph.bytes());
}

}  // namespace quantdyn
