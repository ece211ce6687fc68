// `quantdyn merge`.
#include "experiments/commands/command.h"
#include "experiments/commands/merge_groups.h"
#include "experiments/results/merge_results.h"
#include "experiments/results/open_result.h"
#include "experiments/terminal/output.h"

namespace quantdyn {
namespace {

po::options_description options() {
  po::options_description out("options");
  auto add = out.add_options();
  add("output,o", po::value<std::string>()->value_name("FILE"),
      "the merged file; with --by a folder");
  add("by", po::value<std::string>()->value_name("KEYS"),
      "group the results by network, variant or other keys, with commas; each group becomes a "
      "file");
  add("force", po::bool_switch(), "replace a file that is already there");
  return out;
}

/// The words between commas.
std::vector<std::string> words_of(const std::string& list) {
  std::vector<std::string> out(1);
  for (const char c : list)
    if (c == ',')
      out.emplace_back();
    else
      out.back() += c;
  return out;
}

void merge(const CommandCall& call) {
  std::vector<std::filesystem::path> results;
  for (const std::string& file : call.files) results.push_back(result_path(file));
  const MergeRequest request{results, call.value<std::string>("output").value_or(""),
                             call.command_line, call.has("force")};
  const auto by = call.value<std::string>("by");
  print_result(by ? merge_groups(request, words_of(*by)) : merge_results(request));
}

}  // namespace

Command merge_command() {
  return {"merge",
          "A.h5 B.h5... --output M.h5",
          "results of several seeds as mean and interval",
          options(),
          merge,
          "quantdyn merge results/seed1 results/seed2 --output merged.h5"};
}

}  // namespace quantdyn
