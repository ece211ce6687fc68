// Writes a run's result; what a kill or a full disk leaves behind never looks like one.
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "experiments/results/checkpoints.h"
#include "experiments/results/result.h"
#include "experiments/results/result_layout.h"
#include "experiments/results/result_statistics.h"
#include "framework/base/background.h"
#include "framework/base/checksum_list.h"
#include "framework/base/durable_file.h"

namespace quantdyn {

/// What happens to a complete result in the output folder.
enum class Overwrite { refuse, replace };
/// What happens to what an earlier run left in the output folder.
enum class Leftovers { start_over, keep };

/// ConfigError if the folder holds a result and `overwrite` is refuse.
void require_free(const std::filesystem::path& output, Overwrite overwrite);

/// `<output>/snapshots/snapshot-0000.h5` ... as the run goes, `<output>/result.h5` at its end.
/// Raw tensors of all snapshots lie in one file beside them (RawFile), which becomes part of
/// result.h5 where it is.
///
/// Every file is written as *.part, closed, synced and renamed. A snapshot's file has the layout of
/// the whole with one entry on the axis `snapshot`; result.h5 is assembled from them. Once it is
/// on the disk, snapshots/SHA256SUMS lists it: what that does not list is not finished. Beside
/// result.h5 lies result.h5.sha256 (for `sha256sum -c`): libhdf5 can crash on a damaged file, so
/// ResultReader checks it first.
///
/// With Overwrite::replace the old result.h5 stays until the new one takes its name; its snapshots,
/// which it contains, are removed at once. Finished snapshots of a run that did not end are never
/// removed: their folder is renamed to snapshots.interrupted.1, .2 ..., or another run of the same
/// experiment goes on with them.
class ResultWriter {
 public:
  /// Creates the folder and removes leftovers. ConfigError, before any compute: it cannot be
  /// created or written, another process writes there, or it holds a result and `overwrite` is
  /// refuse. Error: node names that cannot be names in the file.
  /// With Leftovers::keep the caller decides, before the first snapshot, what happens to what an
  /// interrupted run left.
  ResultWriter(std::filesystem::path output, RunFacts facts, Overwrite overwrite,
               Leftovers leftovers = Leftovers::start_over);

  /// Whether the folder holds snapshots or checkpoints of a run that did not end.
  bool holds_interrupted_run() const;
  /// Removes checkpoints; sets the snapshots of an interrupted run aside, and removes those of a
  /// complete one.
  void start_over();
  /// Begins with the snapshots and training rows that a checkpoint counts, or saves them for one.
  void visit_state(StateVisitor state);
  /// Begins with none again.
  void forget();
  /// "" if an earlier run has finished this snapshot; otherwise what is wrong with its file.
  std::string problem_of_snapshot(int64_t index) const;
  /// Counts the next snapshot as written if an earlier run has finished it, with this epoch, step
  /// and variant.
  bool take_over(const SnapshotLabel& label);
  int64_t snapshots() const { return snapshots_; }

  /// For the raw tensors of the next snapshot; they are gone if that is not added.
  std::unique_ptr<BegunSnapshot> begin_snapshot();
  /// Checks the snapshot and lets a background thread write it while training goes on; one more
  /// snapshot may wait. Error: wrong sizes, a name that does not fit, or an earlier snapshot could
  /// not be written (a full disk); finish() reports that, too.
  void add_snapshot(Snapshot snapshot);
  /// Lets the background thread write a checkpoint after the snapshots that it counts. If that
  /// fails, nothing else does: checkpoint_problem() says why.
  void add_checkpoint(int64_t step, State state);
  /// Why the last checkpoint could not be written, and what a run would go on from; "" if it was,
  /// or may still be.
  std::string checkpoint_problem() const;
  /// Only before the first snapshot and after wait().
  Checkpoints& checkpoints() { return checkpoints_; }
  /// Returns when every snapshot is on the disk; throws what add_snapshot() would throw later.
  void wait() { background_.wait(); }
  void add_training_row(const TrainingRow& row) { training_.push_back(row); }
  /// A fact that is known only later: peak memory, total time.
  void add_provenance(const std::string& name, Fact fact) {
    later_.emplace_back(name, std::move(fact));
  }
  /// Assembles result.h5, as assemble_result(), and removes the checkpoints.
  void finish();

  const std::filesystem::path& output() const { return output_; }
  std::filesystem::path result_path() const { return output_ / "result.h5"; }
  std::filesystem::path snapshot_path(int64_t index) const;
  /// Where an interrupted run's snapshots were moved; empty: there were none.
  const std::filesystem::path& set_aside() const { return set_aside_; }

 private:
  void check(const Snapshot& snapshot) const;
  /// In the background: touches nothing that add_snapshot() changes.
  void write(Snapshot& snapshot, const SnapshotLabel& label,
             const std::vector<TrainingRow>& training);
  /// Likewise; "" or the problem.
  std::string write_checkpoint(int64_t step, const State& state);

  std::filesystem::path output_;
  std::optional<FolderLock> lock_;  // for as long as the run writes
  RunFacts facts_;
  Facts later_;  // joins the provenance when nothing reads facts_ in the background any more
  std::filesystem::path set_aside_;
  std::vector<TrainingRow> training_;
  int64_t snapshots_ = 0;
  std::shared_ptr<RawFile> raw_;              // null: not needed so far
  int64_t raw_end_ = h5::File::values_begin;  // of the snapshots' raw tensors
  StatisticCatalogue catalogue_;       // so that a snapshot unlike those before is refused at once
  std::optional<ChecksumList> found_;  // snapshots that an earlier run has finished
  std::optional<ChecksumList> finished_;  // and those of this one; of the background thread
  Checkpoints checkpoints_;               // likewise
  mutable std::mutex mutex_;              // guards what follows
  std::string checkpoint_problem_;
  Background background_{1};
};

}  // namespace quantdyn
