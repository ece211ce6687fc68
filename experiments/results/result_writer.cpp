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

ResultWriter::ResultWriter(fs::path output, RunFacts facts, Overwrite overwrite,
                           Leftovers leftovers)
    : output_(std::move(output)), facts_(std::move(facts)), checkpoints_(output_ / "checkpoints") {
  check_network(facts_.network);
  require_free(output_, overwrite);
  const fs::path folder = output_ / "snapshots";
  try {
    fs::create_directories(folder);
    lock_.emplace(output_);
    require_free(output_, overwrite);  // now that nobody else can finish one
    checkpoints_ = Checkpoints(output_ / "checkpoints");
    fs::remove(part_name(result_path()));
    for (const auto& entry : fs::directory_iterator(folder))
      if (entry.path().extension() == ".part") fs::remove(entry.path());
    if (leftovers == Leftovers::start_over) start_over();
    for (const fs::path& own : {output_, folder}) {
      write_durably(own / "writable", "");
      fs::remove(own / "writable");
    }
    found_.emplace(folder);
    finished_ = found_;
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

bool ResultWriter::holds_interrupted_run() const {
  const bool has_checkpoint = !checkpoints_.names().empty();
  if (!fs::exists(result_path()))
    return has_checkpoint || !is_empty_or_missing(output_ / "snapshots");
  // Killed after its result was written, or while a new run was replacing the result?
  return has_checkpoint && checkpoints_.last_written() > fs::last_write_time(result_path());
}

void ResultWriter::start_over() {
  const fs::path folder = output_ / "snapshots";
  forget();
  checkpoints_.clear();
  if (!is_empty_or_missing(folder)) {
    if (fs::exists(result_path())) {
      for (const auto& entry : fs::directory_iterator(folder))
        if (entry.path().filename().string().starts_with("snapshot-")) fs::remove(entry.path());
      fs::remove(folder / RawFile::file_name);
      fs::remove(folder / ChecksumList::file_name);
    } else {
      for (int i = 1; set_aside_.empty() || fs::exists(set_aside_); ++i)
        set_aside_ = output_ / fmt::format("snapshots.interrupted.{}", i);
      fs::rename(folder, set_aside_);
    }
  }
  fs::create_directories(folder);
  found_.emplace(folder);
  finished_ = found_;
}

void ResultWriter::visit_state(StateVisitor state) {
  state.visit("snapshots", snapshots_);
  state.visit("raw_end", raw_end_);
  const auto visit_column = [&](const char* name, auto member) {
    std::vector<std::remove_cvref_t<decltype(training_[0].*member)>> column;
    for (const TrainingRow& row : training_) column.push_back(row.*member);
    state.visit(name, column);
    training_.resize(column.size());
    for (size_t i = 0; i < column.size(); ++i) training_[i].*member = column[i];
  };
  visit_column("training/step", &TrainingRow::step);
  visit_column("training/epoch", &TrainingRow::epoch);
  visit_column("training/loss", &TrainingRow::loss);
  visit_column("training/accuracy", &TrainingRow::accuracy);
  visit_column("training/learning_rate", &TrainingRow::learning_rate);
  visit_column("training/seconds", &TrainingRow::seconds);
}

void ResultWriter::forget() {
  snapshots_ = 0;
  raw_end_ = h5::File::values_begin;
  training_.clear();
}

std::string ResultWriter::problem_of_snapshot(int64_t index) const {
  return problem_of(*found_, output_ / "snapshots", index);
}

bool ResultWriter::take_over(const SnapshotLabel& label) {
  if (!problem_of_snapshot(snapshots_).empty()) return false;
  const fs::path path = snapshot_path(snapshots_);
  const SnapshotLabel found = read_label(path);
  if (found.epoch != label.epoch || found.step != label.step || found.variant != label.variant)
    return false;
  ++snapshots_;
  raw_end_ = std::max(raw_end_, RawTable::read(h5::File::open(path)).end());
  return true;
}

void ResultWriter::add_checkpoint(int64_t step, State state) {
  background_.push([this, step, shared = std::make_shared<const State>(std::move(state))] {
    std::string problem = write_checkpoint(step, *shared);
    const std::lock_guard lock(mutex_);
    checkpoint_problem_ = std::move(problem);
  });
}

std::string ResultWriter::write_checkpoint(int64_t step, const State& state) try {
  checkpoints_.write(step, facts_, state);
  return "";
} catch (const std::exception& e) {  // out of memory, too
  const std::vector<std::string> names = checkpoints_.names();
  return fmt::format(
      "{}; {}", e.what(),
      names.empty() ? "there is no earlier checkpoint" : "a run would go on from " + names.front());
}

std::string ResultWriter::checkpoint_problem() const {
  const std::lock_guard lock(mutex_);
  return checkpoint_problem_;
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

std::unique_ptr<BegunSnapshot> ResultWriter::begin_snapshot() {
  if (!raw_) raw_ = std::make_shared<RawFile>(output_ / "snapshots", raw_end_);
  return std::make_unique<BegunSnapshot>(raw_, raw_end_);
}

void ResultWriter::add_snapshot(Snapshot snapshot) {
  check(snapshot);
  const SnapshotLabel label{snapshots_++, snapshot.epoch, snapshot.step, snapshot.variant};
  add_to_catalogue(catalogue_, snapshot.frame);
  if (snapshot.begun) raw_end_ = snapshot.begun->end();
  // std::function copies what it holds, so the snapshot is shared.
  background_.push([this, label, training = training_,
                    shared = std::make_shared<Snapshot>(std::move(snapshot))] {
    write(*shared, label, training);
  });
}

void ResultWriter::write(Snapshot& snapshot, const SnapshotLabel& label,
                         const std::vector<TrainingRow>& training) {
  StatisticCatalogue own;
  add_to_catalogue(own, snapshot.frame);
  const RawTable tensors = snapshot.begun ? snapshot.begun->finish() : RawTable();
  h5::File file = h5::File::create(snapshot_path(label.index));
  const ResultAxes axes(file, facts_, std::span(&label, 1), static_cast<int64_t>(training.size()));
  write_facts(file, facts_, axes, training);
  StatisticsWriter statistics(file, axes, own);
  statistics.append(rows_of(snapshot.frame));
  statistics.finish();
  write_weights(file, label.index, snapshot.weights);
  write_quantization(file, label, snapshot.quantization, snapshot.replaced_activations);
  tensors.write(file);
  file.set("status", "snapshot");
  file.commit();
  finished_->add(snapshot_path(label.index).filename().string());
}

void ResultWriter::finish() {
  wait();
  std::ranges::move(later_, std::back_inserter(facts_.provenance));
  later_.clear();
  assemble_result(result_path(), facts_, training_, output_ / "snapshots", snapshots_);
  checkpoints_.clear();
}

}  // namespace quantdyn
