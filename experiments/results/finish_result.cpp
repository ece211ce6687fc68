#include "experiments/results/finish_result.h"

#include <algorithm>
#include <fstream>
#include <iterator>

#include "experiments/results/assemble_result.h"
#include "experiments/results/config_difference.h"
#include "framework/base/checksum_list.h"
#include "framework/base/durable_file.h"
#include "framework/base/error.h"
#include "framework/config/config_node.h"

namespace quantdyn {
namespace {

namespace fs = std::filesystem;

fs::path note_in(const fs::path& folder) { return folder / "failure.txt"; }

/// The names of all variants of a resolved configuration: one for each of an entry's bit widths.
std::vector<std::string> variants_of(const ConfigNode& config) {
  std::vector<std::string> out;
  const auto variants = config.find("variants");
  if (!variants) return out;
  for (const auto& entry : variants->items) {
    const std::string name = entry->find("name") ? entry->find("name")->scalar : "";
    const auto widths = entry->find("bit_widths");
    if (!widths || widths->items.empty()) out.push_back(name);
    if (!widths) continue;
    for (const auto& width : widths->items) out.push_back(name + "-" + width->scalar);
  }
  return out;
}

/// "stopped after epoch 3 of 10, step 48; without int8"; "" if nothing is missing.
std::string missing(const std::string& resolved, const std::vector<SnapshotLabel>& labels) {
  const auto config = parse_yaml(resolved, "/config/resolved");
  const auto train = config->find("train");
  const auto epochs_node = train ? train->find("epochs") : nullptr;
  const int64_t epochs = epochs_node ? std::stoll(epochs_node->scalar) : 0;
  const SnapshotLabel& last = labels.back();
  std::vector<std::string> out;
  if (last.epoch < epochs)
    out.push_back(
        fmt::format("stopped after epoch {} of {}, step {}", last.epoch, epochs, last.step));
  std::vector<std::string> absent;
  for (const std::string& variant : variants_of(*config))
    if (std::ranges::none_of(labels, [&](const SnapshotLabel& label) {
          return label.variant == variant && label.step == last.step;
        }))
      absent.push_back(variant);
  if (!absent.empty()) out.push_back(fmt::format("without {}", fmt::join(absent, ", ")));
  return fmt::format("{}", fmt::join(out, "; "));
}

struct Finished {
  std::vector<SnapshotLabel> labels;
  std::string problem;  // of the first file that is not finished; "": there is no such file
};

Finished finished_in(const fs::path& snapshots) {
  Finished out;
  const ChecksumList sums(snapshots);
  for (int64_t index = 0;; ++index) {
    const fs::path path = snapshot_path(snapshots, index);
    if (!fs::exists(path)) return out;
    out.problem = problem_of(sums, snapshots, index);
    if (!out.problem.empty()) return out;
    out.labels.push_back(read_label(path));
  }
}

}  // namespace

FinishedResult finish_result(const fs::path& folder, Overwrite overwrite) {
  const fs::path snapshots = folder / "snapshots", result = folder / "result.h5";
  if (!fs::is_directory(folder))
    throw_error<ConfigError>("{}: no such folder; accepted: the output folder of a run",
                             folder.string());
  const FolderLock lock(folder);
  require_free(folder, overwrite);
  const Finished finished = finished_in(snapshots);
  if (finished.labels.empty())
    throw_error<ConfigError>("{}: no finished snapshot{}; accepted: a run that has finished one",
                             snapshots.string(),
                             finished.problem.empty() ? "" : ": " + finished.problem);
  const auto count = std::ssize(finished.labels);
  const ResultReader last(snapshot_path(snapshots, count - 1));
  RunFacts facts = read_facts(last);
  std::vector<std::string> why;
  for (const std::string& part :
       {noted_failure(folder), finished.problem, missing(facts.resolved_yaml, finished.labels)})
    if (!part.empty()) why.push_back(part);
  const std::string ended = fmt::format("{}", fmt::join(why, "; "));
  facts.provenance.emplace_back("finished",
                                fmt::format("by quantdyn finish, from {} snapshots", count));
  if (!ended.empty()) facts.provenance.emplace_back("ended", ended);
  assemble_result(result, facts, read_training(last), snapshots, count);
  forget_failure(folder);
  return {result, count, ended};
}

std::string ended_early(const ResultReader& result) {
  const h5::Group provenance = result.file().group("provenance");
  return provenance.has_attribute("ended") ? provenance.text("ended") : "";
}

void note_failure(const fs::path& folder, const std::string& why) {
  try {
    write_durably(note_in(folder), why + "\n");
  } catch (const Error&) {  // the disk may be full; the message is on the terminal
  }
}

std::string noted_failure(const fs::path& folder) {
  std::ifstream in(note_in(folder));
  std::string out(std::istreambuf_iterator<char>(in), {});
  while (out.ends_with('\n')) out.pop_back();
  std::ranges::replace(out, '\n', ' ');
  return out;
}

void forget_failure(const fs::path& folder) {
  std::error_code ignored;
  fs::remove(note_in(folder), ignored);
}

}  // namespace quantdyn
