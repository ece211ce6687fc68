// Opens a result, or the file of one snapshot, and reads its tables and weights.
#pragma once

#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "experiments/results/result.h"
#include "framework/h5/h5.h"

namespace quantdyn {

/// Whether a file is an HDF5 file, by its first bytes; `quantdyn inspect` asks.
bool looks_like_hdf5(const std::filesystem::path& path);

/// An attribute as a fact.
Fact fact_of(const h5::Group& group, const std::string& name);

/// The sizes in the text of a shape, "[32, 32, 3]".
std::vector<int64_t> sizes_of(std::string shape);

class ResultReader {
 public:
  /// ConfigError as of open_result(), and where the columns of a table differ in length.
  explicit ResultReader(const std::filesystem::path& path);
  /// Of a file from open_result() or open_own_result().
  explicit ResultReader(h5::File file);

  const h5::File& file() const { return file_; }
  const std::vector<SnapshotLabel>& snapshots() const { return snapshots_; }
  bool is_merged() const { return file_.text("status") == merged_status; }
  /// "3", or "3, 4, 5" of a merged file.
  std::string seeds() const;
  /// The table /network; `output` is left empty, output_shapes() has its texts.
  std::vector<NodeRow> network() const;
  std::vector<std::string> output_shapes() const;

  /// The last snapshot of a variant (as trained by default), or the one right after an epoch, not
  /// one taken during the next epoch. The Error lists the snapshots.
  const SnapshotLabel& last(const std::string& variant = float_variant) const;
  const SnapshotLabel& at_epoch(int64_t epoch, const std::string& variant = float_variant) const;

  /// A node's saved array. Error: the snapshot has no weights, no such node or parameter, another
  /// shape.
  std::vector<float> parameter(const SnapshotLabel& snapshot, const std::string& node,
                               const std::string& name, const Shape& shape) const;

  /// Paths below `group` of its arrays over the axis snapshot, sorted; its axes and labels are not
  /// among them. "layerwise/output/mean" of "layerwise".
  std::vector<std::string> arrays(const std::string& group) const;
  /// The names of an array's axes after `snapshot`: {"layer", "bin"}.
  std::vector<std::string> axes(const std::string& path) const;

  /// A row of an array over snapshots, NaN where a value is missing; empty if there is no such
  /// array. ConfigError where the array does not have an entry for each snapshot, and for each
  /// layer or channel where its path says so.
  std::vector<double> row(const std::string& path, const SnapshotLabel& snapshot) const;

 private:
  size_t place_of(const SnapshotLabel& snapshot) const;
  std::string available() const;
  /// Whether the snapshot was taken right after its epoch.
  bool ends_epoch(const SnapshotLabel& snapshot) const;

  void require_shape(const std::string& path, const h5::Dataset& array) const;

  h5::File file_;
  int64_t layers_ = 0, channels_ = 0;  // sizes of these axes
  std::vector<SnapshotLabel> snapshots_;
  std::map<int64_t, int64_t> last_steps_;  // by epoch, of those that the training curve has
};

}  // namespace quantdyn
