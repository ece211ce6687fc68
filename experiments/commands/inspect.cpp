// `quantdyn inspect`: one network or result in full; for several results, one row per variant.
#include <algorithm>

#include "experiments/commands/command.h"
#include "experiments/commands/given_result.h"
#include "experiments/commands/inspect_network.h"
#include "experiments/commands/inspect_result.h"
#include "experiments/commands/inspect_values.h"
#include "experiments/commands/summary_table.h"
#include "experiments/keras/import.h"
#include "experiments/results/open_result.h"
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
  add("set", po::value<std::vector<std::string>>()->composing()->value_name("KEY=VALUE"),
      "set a parameter of the network file, as in --set width=0.5; may be repeated");
  add("csv", po::bool_switch(),
      "CSV: a row a number of the net or of a layer, in the last snapshot of every variant or in "
      "the chosen one; of a network, a row a layer");
  add("json", po::bool_switch(), "the same as JSON");
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

using Sets = std::vector<std::string>;

Network network_of(const std::string& file, const InspectRequest& request, const Sets& sets) {
  refuse_choice(request, "a network was given");
  return read_network_file(file, Options::from_text("{}", "command line", {}, sets)).network;
}

/// What --csv and --json print.
FlatTable flat_table_of(const std::vector<std::string>& files, const InspectRequest& request,
                        const Sets& sets) {
  if (files.size() > 1 || request.layer || request.tensor || request.worst)
    throw_error<ConfigError>(
        "inspect: --csv and --json are of one file, without --layer, --tensor and --worst");
  if (is_network(files[0])) return units_of(network_of(files[0], request, sets));
  return values_of(given_result(files[0]), request.choice);
}

/// Of several results, or of a network.
std::string text_of(const std::vector<std::string>& files, const InspectRequest& request,
                    const Sets& sets) {
  if (files.size() > 1) {
    refuse_choice(request, "several results were given");
    std::vector<VariantSummary> rows;
    for (const std::string& file : files)
      for (VariantSummary& row : summary_of(ResultReader(file))) rows.push_back(std::move(row));
    return summary_table(rows);
  }
  return network_table(network_of(files[0], request, sets));
}

void print_one_result(const ResultReader& result, const InspectRequest& request) {
  print_answer(conclusion_of(result, request), inspect_result(result, request));
}

void inspect(const CommandCall& call) {
  if (call.files.empty()) call.only_file("inspect");
  std::vector<std::string> files;
  for (const std::string& file : call.files) {
    files.push_back(result_path(file).string());
    if (!is_file(files.back()))
      throw_error<ConfigError>("{}: {}", files.back(), why_no_file(files.back()));
  }
  const InspectRequest request = request_of(call);
  if (request.worst && (*request.worst < 1 || request.layer || request.tensor))
    throw_error<ConfigError>(
        "inspect: --worst {}: accepted: 1 or more layers, without --layer and --tensor",
        *request.worst);
  const Sets sets = call.value<Sets>("set").value_or(Sets{});
  if (!sets.empty() && (files.size() > 1 || !is_network(files[0])))
    throw_error<ConfigError>("inspect: --set does nothing here: {}; accepted: one network file",
                             files.size() > 1 ? "several files were given" : "a result was given");
  if (std::ranges::any_of(sets, [](const std::string& set) { return set.starts_with("file="); }))
    throw_error<ConfigError>("inspect: --set file: the file is the argument; accepted: parameters");
  if (call.has("csv") && call.has("json"))
    throw_error<ConfigError>("inspect: --csv and --json; accepted: one of them");
  if (call.has("csv"))
    print_result(as_csv(flat_table_of(files, request, sets)));
  else if (call.has("json"))
    print_result(as_json(flat_table_of(files, request, sets)));
  else if (files.size() == 1 && !is_network(files[0]))
    print_one_result(given_result(files[0]), request);
  else
    print_result(text_of(files, request, sets));
}

}  // namespace

Command inspect_command() {
  return {"inspect",
          "FILE...",
          "the layers of a network YAML, a Keras model.h5 or a model.onnx; the tables of a "
          "result.h5; for several results, a table with one row per variant",
          options(),
          inspect,
          "quantdyn inspect results/example --variant minmax-8 --layer sep3_dw"};
}

}  // namespace quantdyn
