#include "experiments/results/result_writer.h"

#include <algorithm>
#include <iterator>
#include <memory>
#include <set>

#include "experiments/results/assemble_result.h"
#include "framework/base/durable_file.h"
#include "framework/base/error.h"

namespace quantdyn {
namespace {

namespace fs = std::filesystem;

/// Nodes, parameters and variants name groups of the file.
void check_name(const std::string& what, const std::string& name) {
  if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos)
    throw_error<ConfigError>(
        "{} '{}' cannot be a name in the result file: it must not be empty, '.' or '..', or "
        "contain '/'",
        what, name);
}

void check_network(std::span<const NodeRow> network) {
  std::set<std::string> names;
  int64_t channels = 0;
  for (const NodeRow& node : network) {
    check_name("node", node.name);
    if (!names.insert(node.name).second)
      throw_error<Error>("result: two nodes are called '{}'", node.name);
    if (node.channel_offset != channels || node.channels < 0)
      throw_error<Error>("result: node '{}' has its channels at {}, the nodes before it end at {}",
                         node.name, node.channel_offset, channels);
    channels += node.channels;
  }
}

bool is_empty_or_missing(const fs::path& folder) {
  return !fs::exists(folder) || fs::is_empty(folder);
}

}  // namespace

void require_free(const fs::path& output, Overwrite overwrite) {
  const fs::path result = output / "result.h5";
  if (fs::exists(result) && overwrite == Overwrite::refuse)
    throw_error<ConfigError>(
        "{}: already holds a complete result; accepted: another output folder, or --force to "
        "replace it",
        result.string());
}

ResultWriter::ResultWriter(fs::path output, RunFacts facts, Overwrite overwrite)
    : output_(std::move(output)), facts_(std::move(facts)) {
  check_network(facts_.network);
  require_free(output_, overwrite);
  try {
    fs::create_directories(output_ / "snapshots");
    lock_.emplace(output_);
    require_free(output_, overwrite);  // now that nobody else can finish one
    clear_leftovers();
    fs::create_directories(output_ / "snapshots");
    for (const fs::path& folder : {output_, output_ / "snapshots"}) {
      write_durably(folder / "writable", "");
      fs::remove(folder / "writable");
    }
    finished_.emplace(output_ / "snapshots");
  } catch (const fs::filesystem_error& e) {
    throw_error<ConfigError>("{}: the output folder cannot be created or written: {}",
                             output_.string(), e.code().message());
  } catch (const ConfigError&) {
    throw;
  } catch (const Error& e) {
    throw_error<ConfigError>("{}: the output folder cannot be written: {}", output_.string(),
                             e.what());
  }
}

void ResultWriter::clear_leftovers() {
  const fs::path folder = output_ / "snapshots";
  fs::remove(part_name(result_path()));
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.path().extension() == ".part") fs::remove(entry.path());
  if (is_empty_or_missing(folder)) return;
  if (fs::exists(result_path())) {
    for (const auto& entry : fs::directory_iterator(folder))
      if (entry.path().filename().string().starts_with("snapshot-")) fs::remove(entry.path());
    fs::remove(folder / "SHA256SUMS");
    return;
  }
  for (int i = 1; set_aside_.empty() || fs::exists(set_aside_); ++i)
    set_aside_ = output_ / fmt::format("snapshots.interrupted.{}", i);
  fs::rename(folder, set_aside_);
}

fs::path ResultWriter::snapshot_path(int64_t index) const {
  return quantdyn::snapshot_path(output_ / "snapshots", index);
}

void ResultWriter::check(const Snapshot& snapshot) const {
  check_name("variant", snapshot.variant);
  for (const SavedParameter& saved : snapshot.weights) check_name("parameter", saved.parameter);
  const NodeRow* last = facts_.network.empty() ? nullptr : &facts_.network.back();
  const int64_t channels = last ? last->channel_offset + last->channels : 0;
  if (snapshot.frame.nodes() != static_cast<int64_t>(facts_.network.size()) ||
      snapshot.frame.channels() != channels)
    throw_error<Error>("result: a snapshot of {} nodes and {} channels, the run has {} and {}",
                       snapshot.frame.nodes(), snapshot.frame.channels(), facts_.network.size(),
                       channels);
}

void ResultWriter::add_snapshot(Snapshot snapshot) {
  check(snapshot);
  const SnapshotLabel label{snapshots_++, snapshot.epoch, snapshot.step, snapshot.variant};
  add_to_catalogue(catalogue_, snapshot.frame);
  // std::function copies what it holds, so the snapshot is shared.
  background_.push([this, label, training = training_,
                    shared = std::make_shared<const Snapshot>(std::move(snapshot))] {
    write(*shared, label, training);
  });
}

void ResultWriter::write(const Snapshot& snapshot, const SnapshotLabel& label,
                         const std::vector<TrainingRow>& training) {
  StatisticCatalogue own;
  add_to_catalogue(own, snapshot.frame);
  h5::File file = h5::File::create(snapshot_path(label.index));
  const ResultAxes axes(file, facts_, std::span(&label, 1), static_cast<int64_t>(training.size()));
  write_facts(file, facts_, axes, training);
  StatisticsWriter statistics(file, axes, own);
  statistics.append(rows_of(snapshot.frame));
  statistics.finish();
  write_weights(file, label.index, snapshot.weights);
  write_tensors(file, label.index, snapshot.tensors);
  write_quantization(file, label, snapshot.quantization, snapshot.replaced_activations);
  file.set("status", "snapshot");
  file.commit();
  finished_->add(snapshot_path(label.index).filename().string());
}

void ResultWriter::finish() {
  wait();
  std::ranges::move(later_, std::back_inserter(facts_.provenance));
  later_.clear();
  assemble_result(result_path(), facts_, training_, output_ / "snapshots", snapshots_);
}

}  // namespace quantdyn
