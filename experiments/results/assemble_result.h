// Joins the files of finished snapshots to one result.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "experiments/results/result.h"
#include "experiments/results/result_reader.h"
#include "framework/base/checksum_list.h"

namespace quantdyn {

/// What write_run_facts() wrote: the facts without network and axes.
RunFacts read_run_facts(const h5::File& file);
/// The facts of a run, as every snapshot's file and every result holds them.
RunFacts read_facts(const ResultReader& file);
/// The training curve up to a snapshot, or of a whole result.
std::vector<TrainingRow> read_training(const ResultReader& file);

/// `<folder>/snapshot-0000.h5`.
std::filesystem::path snapshot_path(const std::filesystem::path& folder, int64_t index);
/// The label in the file of one snapshot.
SnapshotLabel read_label(const std::filesystem::path& snapshot);
/// "" if a snapshot of the folder, raw tensors included, is finished and as it was written;
/// otherwise what is wrong, with its path.
std::string problem_of(const ChecksumList& sums, const std::filesystem::path& folder,
                       int64_t index);

/// Writes `result` and `result`.sha256 from the files snapshot-0000.h5 to snapshot-<count - 1>.h5
/// of a folder. The quantization arrays are those of each variant's last snapshot. Before it begins
/// it compares every file with the folder's SHA256SUMS: Error naming the first one that is not
/// listed, or not as it was written. Error: nothing to join, a full disk.
/// Raw tensors are not copied: result.h5 is made around them, and becomes a second name of their
/// file, if that has no other and the file system allows it.
void assemble_result(const std::filesystem::path& result, const RunFacts& facts,
                     std::span<const TrainingRow> training, const std::filesystem::path& folder,
                     int64_t count, const std::string& status = "complete");

}  // namespace quantdyn
