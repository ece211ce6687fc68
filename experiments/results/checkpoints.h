// The checkpoints of a run: files that hold everything that decides its later bits.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "experiments/results/result.h"
#include "framework/base/checksum_list.h"
#include "framework/base/state.h"

namespace quantdyn {

/// What a checkpoint's file holds.
struct Checkpoint {
  RunFacts facts;  ///< without its network and axes
  State state;
};

/// A checkpoint's file, whoever wrote it. Error: of another program's layout.
Checkpoint read_checkpoint(const std::filesystem::path& path);

/// The folder `checkpoints` of a run: checkpoint-00000123.h5, by step, and its SHA256SUMS. The last
/// two are kept; an older one goes only after the newer one is listed. A file that is not listed,
/// or not as it was written, is no checkpoint.
class Checkpoints {
 public:
  /// Reads the list; makes nothing.
  explicit Checkpoints(std::filesystem::path folder);

  /// Writes a checkpoint in place of one of the same step. Error: a full disk; the older ones
  /// stand.
  void write(int64_t step, const RunFacts& facts, const State& state);
  /// Names of the files that are listed, the newest first.
  std::vector<std::string> names() const;
  /// When the list was written last; needs one.
  std::filesystem::file_time_type last_written() const;
  /// As read_checkpoint(); Error, too, if it is not as it was written.
  Checkpoint read(const std::string& name) const;

  /// Records that the run was continued: "2026-03-01T10:00:00Z, epoch 3, step 120".
  void add_resumption(const std::string& line);
  std::vector<std::string> resumptions() const;

  /// Removes all checkpoints and what is recorded.
  void clear();

 private:
  std::filesystem::path folder_;
  ChecksumList finished_;
};

}  // namespace quantdyn
