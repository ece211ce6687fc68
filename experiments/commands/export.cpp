// `quantdyn export`.
#include "experiments/commands/command.h"
#include "experiments/commands/export_result.h"
#include "experiments/terminal/output.h"

namespace quantdyn {
namespace {

po::options_description options() {
  po::options_description out("options");
  auto add = out.add_options();
  add("output,o", po::value<std::string>()->value_name("FILE"),
      "the model; of model-explorer a folder");
  add("format", po::value<std::string>()->value_name("FORMAT"),
      "onnx, keras, or model-explorer: figures by layer as node data; default: by the name of the "
      "model, .onnx or .h5");
  add("variant", po::value<std::string>()->value_name("NAME"),
      "the quantized variant that is written as an ONNX model with quantized tensors; default: the "
      "float net");
  add("epoch", po::value<int64_t>()->value_name("N"),
      "the epoch whose weights are written; default: the last");
  add("force", po::bool_switch(), "replace a file that is already there");
  add_plugin_option(out);
  return out;
}

void export_model(const CommandCall& call) {
  print_result(export_result({.result = call.only_file("export"),
                              .output = call.value<std::string>("output").value_or(""),
                              .format = call.value<std::string>("format"),
                              .variant = call.value<std::string>("variant"),
                              .epoch = call.value<int64_t>("epoch"),
                              .force = call.has("force")}));
}

}  // namespace

Command export_command() {
  return {"export",
          "RESULT --output MODEL",
          "a result's net as an ONNX or a Keras model, or its figures for Model Explorer",
          options(),
          export_model,
          "quantdyn export results/example --output net.onnx"};
}

}  // namespace quantdyn
