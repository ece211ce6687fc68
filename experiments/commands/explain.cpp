// `quantdyn explain`: why a variant of a result loses what it loses.
#include "experiments/commands/command.h"
#include "experiments/commands/given_result.h"
#include "experiments/explain/counterfactual.h"
#include "experiments/explain/page.h"
#include "experiments/terminal/output.h"
#include "framework/base/error.h"

namespace quantdyn {
namespace {

po::options_description options() {
  po::options_description out("options");
  auto add = out.add_options();
  add("variant", po::value<std::string>()->value_name("NAME"),
      "the variant to explain; default: the one with the least accuracy");
  add("worst", po::value<int64_t>()->value_name("N")->default_value(5), "how many layers to show");
  add("threshold", po::value<std::vector<std::string>>()->composing()->value_name("NAME=VALUE"),
      "a number that decides what is a cause, listed below; may be repeated");
  add("all", po::bool_switch(), "name causes even if the net keeps its accuracy");
  add("verify", po::bool_switch(),
      "quantize the net again with each repair alone, and write the measured gain");
  add("images", po::value<int64_t>()->value_name("N")->default_value(256),
      "how many test images --verify runs; all if there are fewer");
  add("folder", po::value<std::string>()->value_name("DIR"),
      "where the experiment's relative paths start for --verify; default: the folder of the YAML "
      "that the result names");
  add("json", po::bool_switch(), "JSON instead of text");
  add_plugin_option(out);
  return out;
}

int64_t at_least_one(const CommandCall& call, const char* name) {
  const int64_t value = *call.value<int64_t>(name);
  if (value < 1) throw_error<ConfigError>("--{} {}: accepted: 1 or more", name, value);
  return value;
}

void verify_with(const CommandCall& call, const ResultReader& result, Explanation& explanation) {
  if (explanation.layers.empty())
    throw_error<ConfigError>("{}: --verify: nothing was ranked, so there is nothing to repair",
                             result.file().path().string());
  const auto folder = call.value<std::string>("folder");
  Counterfactual counterfactual(
      result, explanation.net, at_least_one(call, "images"),
      folder ? std::filesystem::path(*folder) : folder_of_experiment(result));
  verify(explanation, counterfactual, [](int64_t done, int64_t total) {
    print_note(fmt::format("verify: run {} of at most {}\n", done + 1, total));
  });
}

void explain_result(const CommandCall& call) {
  const auto settings = call.value<std::vector<std::string>>("threshold");
  const Thresholds thresholds = Thresholds::from(settings.value_or(std::vector<std::string>{}));
  const int64_t worst = at_least_one(call, "worst");
  if (!call.has("verify") && (!call.options["images"].defaulted() || call.options.count("folder")))
    throw_error<ConfigError>("explain: --images and --folder do nothing without --verify");
  const ResultReader result = given_result(call.only_file("explain"));
  Explanation explanation =
      explain(facts_of(result, explained_variant(result, call.value<std::string>("variant"))),
              thresholds, worst);
  if (call.has("verify")) verify_with(call, result, explanation);
  if (call.has("json")) return print_result(json_of(explanation));
  const std::string page =
      page_of(explanation, worst, call.has("all") ? Causes::always : Causes::where_needed);
  const size_t verdict = std::min(page.find("\n\n"), page.size());
  print_answer(page.substr(0, verdict), page.substr(verdict));
}

}  // namespace

Command explain_command() {
  return {"explain",
          "RESULT",
          "why a variant of a result loses what it loses: layers by cost, causes, repairs",
          options(),
          explain_result,
          "quantdyn explain results/example --variant minmax-4 --verify",
          thresholds_help};
}

}  // namespace quantdyn
