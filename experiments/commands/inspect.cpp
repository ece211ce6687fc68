// `quantdyn inspect`: one network or result in full; for several results, one row per variant.
#include "experiments/commands/command.h"
#include "experiments/commands/inspect_network.h"
#include "experiments/commands/inspect_result.h"
#include "experiments/commands/summary_table.h"
#include "experiments/keras/import.h"
#include "experiments/run/network_file.h"
#include "experiments/terminal/output.h"
#include "framework/base/text_file.h"

namespace quantdyn {
namespace {

po::options_description options() {
  po::options_description out("options");
  auto add = out.add_options();
  add("snapshot", po::value<int64_t>()->value_name("N"),
      "the snapshot of the layer tables; default: the last float32 one and the variant with the "
      "least accuracy");
  add("variant", po::value<std::string>()->value_name("NAME"), "the variant of the layer tables");
  add("epoch", po::value<int64_t>()->value_name("N"), "the epoch of the layer tables");
  add("layer", po::value<std::string>()->value_name("NAME"),
      "all about one layer and its extreme channels");
  add("tensor", po::value<std::string>()->value_name("NAME"),
      "all quantities of one tensor, such as weight or output");
  add("worst", po::value<int64_t>()->value_name("N"),
      "only the N layers that add most to the error of the logits");
  add_plugin_option(out);
  return out;
}

InspectRequest request_of(const CommandCall& call) {
  return {{call.value<int64_t>("snapshot"), call.value<int64_t>("epoch"),
           call.value<std::string>("variant")},
          call.value<std::string>("layer"),
          call.value<std::string>("tensor"),
          call.value<int64_t>("worst")};
}

void refuse_choice(const InspectRequest& request, const char* what) {
  if (request.choice.is_made() || request.layer || request.tensor || request.worst)
    throw_error<ConfigError>(
        "inspect: --snapshot, --variant, --epoch, --layer, --tensor and --worst do nothing here: "
        "{}; "
        "accepted: one result",
        what);
}

bool is_network(const std::string& file) {
  return file.ends_with(".yaml") || file.ends_with(".yml") || file.ends_with(".onnx") ||
         holds_keras_model(file);
}

std::string text_of(const std::vector<std::string>& files, const InspectRequest& request) {
  if (files.size() > 1) {
    refuse_choice(request, "several results were given");
    std::vector<VariantSummary> rows;
    for (const std::string& file : files)
      for (VariantSummary& row : summary_of(ResultReader(file))) rows.push_back(std::move(row));
    return summary_table(rows);
  }
  if (!is_network(files[0])) return inspect_result(files[0], request);
  refuse_choice(request, "a network was given");
  const Options none = Options::from_text("{}", "command line");
  return network_table(read_network_file(files[0], none).network);
}

void inspect(const CommandCall& call) {
  if (call.files.empty()) call.only_file("inspect");
  for (const std::string& file : call.files)
    if (!is_file(file)) throw_error<ConfigError>("{}: {}", file, why_no_file(file));
  const InspectRequest request = request_of(call);
  if (request.worst && (*request.worst < 1 || request.layer || request.tensor))
    throw_error<ConfigError>(
        "inspect: --worst {}: accepted: 1 or more layers, without --layer and --tensor",
        *request.worst);
  print_result(text_of(call.files, request));
}

}  // namespace

Command inspect_command() {
  return {"inspect", "FILE...",
          "the layers of a network YAML, a Keras model.h5 or a model.onnx; the tables of a "
          "result.h5; for several results, a table with one row per variant",
          options(), inspect};
}

}  // namespace quantdyn
