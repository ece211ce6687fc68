// `quantdyn sweep table`.
#include <algorithm>
#include <array>
#include <filesystem>

#include "experiments/commands/experiment_options.h"
#include "experiments/commands/group_table.h"
#include "experiments/results/metric_table.h"
#include "experiments/terminal/output.h"
#include "framework/base/durable_file.h"
#include "framework/base/error.h"

namespace quantdyn {
namespace {

namespace fs = std::filesystem;

constexpr const char* command = "sweep table";

po::options_description options() {
  po::options_description out("options");
  add_file_options(out);
  auto add = out.add_options();
  add("format", po::value<std::string>()->value_name("FORMAT"),
      "text (a row per group and variant), csv, json or hdf5 (a row per member, variant and "
      "metric); default: by the name of --file, or text");
  add("file", po::value<std::string>()->value_name("FILE"),
      "write the table there instead of to the terminal");
  add("force", po::bool_switch(), "replace a file that is already there");
  return out;
}

enum class Format { text, csv, json, hdf5 };

Format format_of(const CommandCall& call, const fs::path& file) {
  const std::array<std::pair<const char*, Format>, 4> formats{{{"text", Format::text},
                                                               {"csv", Format::csv},
                                                               {"json", Format::json},
                                                               {"hdf5", Format::hdf5}}};
  const std::string extension = file.extension();
  const std::string guessed = extension == ".csv" || extension == ".json"  ? extension.substr(1)
                              : extension == ".h5" || extension == ".hdf5" ? "hdf5"
                                                                           : "text";
  const std::string name = call.value<std::string>("format").value_or(guessed);
  for (const auto& [known, format] : formats)
    if (name == known) return format;
  throw_error<ConfigError>("--format {}: accepted: text, csv, json, hdf5", name);
}

/// The finished members; a note tells of the others.
std::vector<NamedResult> finished(const std::vector<RunRequest>& members) {
  std::vector<NamedResult> out;
  for (const RunRequest& run : members) {
    refresh_folder(run.output);
    if (fs::exists(run.output / "result.h5"))
      out.push_back({run.member.name, run.output / "result.h5"});
  }
  if (out.empty())
    throw_error<ConfigError>("{}: no member of the sweep has a result in {}", command,
                             members.front().output.parent_path().string());
  if (out.size() < members.size())
    print_note(
        fmt::format("{} of {} members have no result and are left out: see quantdyn sweep "
                    "status\n",
                    members.size() - out.size(), members.size()));
  return out;
}

MetricTable table_of(const std::vector<RunRequest>& members) {
  std::vector<std::string> keys;
  for (const RunRequest& run : members)
    for (const SweepKey& set : run.member.keys)
      if (std::ranges::find(keys, set.key) == keys.end()) keys.push_back(set.key);
  return metric_table(finished(members), keys,
                      members.front().output.parent_path().filename().string());
}

void table(const CommandCall& call) {
  const fs::path file = call.value<std::string>("file").value_or("");
  const Format format = format_of(call, file);
  if (format == Format::hdf5 && file.empty())
    throw_error<ConfigError>("--format hdf5: needs --file");
  if (!file.empty() && fs::exists(file) && !call.has("force"))
    throw_error<ConfigError>(
        "--file {}: is there already; accepted: another name, or --force to replace it",
        file.string());
  const MetricTable found = table_of(sweep_of(command, file_request_of(command, call)));
  if (format == Format::hdf5) {
    write_metrics(found, file);
  } else {
    const std::string text = format == Format::csv    ? as_csv(columns_of(found))
                             : format == Format::json ? as_json(columns_of(found))
                                                      : group_table(found);
    if (file.empty())
      print_result(text);
    else
      write_durably(file, text);
  }
  if (!file.empty())
    print_result(fmt::format("written: {}: {} rows\n", file.string(), found.rows.size()));
}

}  // namespace

Command sweep_table_command() {
  return {command,   "CONFIG", "the numbers of all members, with means over seeds",
          options(), table,    "quantdyn sweep table experiments/study/families.yaml --format csv"};
}

}  // namespace quantdyn
