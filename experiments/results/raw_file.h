// The file of a run's raw tensors; its result is built around them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "framework/base/tensor.h"
#include "framework/h5/h5.h"

namespace quantdyn {

/// What one snapshot has in the file of raw tensors.
struct RawTable {
  /// An array of float32.
  struct Array {
    std::string node, tensor;
    Shape shape;
    int64_t offset;  ///< of its first byte in the file
  };
  /// Bytes that were written at once, and their XXH64 (seed 0).
  struct Piece {
    int64_t offset, bytes;
    uint64_t checksum;
  };
  std::vector<Array> arrays;
  std::vector<Piece> pieces;  ///< by offset; together all bytes of the arrays

  /// Where the next snapshot's arrays may begin.
  int64_t end() const;
  /// Writes the group /raw_tensors of a snapshot's file, if there are arrays.
  void write(h5::File& snapshot) const;
  /// Empty where a snapshot's file has no such group.
  static RawTable read(const h5::File& snapshot);
  /// "" if all pieces in a file are as they were written; otherwise what is wrong, with its path.
  /// Reads all of them.
  std::string problem(const std::filesystem::path& file) const;
};

/// `<folder>/tensors.raw`: the arrays of a run's snapshots one after another, from
/// h5::File::values_begin on. result.h5 may be a second name of it.
class RawFile {
 public:
  static constexpr const char* file_name = "tensors.raw";

  /// Opens it and cuts off what follows `end`; makes it where that is values_begin. If it has a
  /// second name, it becomes a copy first. Error: it is shorter, or cannot be made.
  RawFile(const std::filesystem::path& folder, int64_t end);
  ~RawFile();
  RawFile(const RawFile&) = delete;
  RawFile& operator=(const RawFile&) = delete;

  /// Error: the disk is full.
  void write(int64_t offset, std::span<const std::byte> bytes);
  void cut(int64_t end);
  void sync();

 private:
  std::filesystem::path path_;
  int descriptor_;
};

class BegunSnapshot;

/// The place of one raw tensor; its values may come in any order and from several threads.
class RawPlace {
 public:
  /// Writes values from element `first` on, each once. Error: they do not fit; the disk is full.
  void write(int64_t first, std::span<const float> values) const;

 private:
  friend class BegunSnapshot;
  RawPlace(BegunSnapshot& snapshot, int64_t offset, int64_t elements)
      : snapshot_(&snapshot), offset_(offset), elements_(elements) {}

  BegunSnapshot* snapshot_;
  int64_t offset_, elements_;
};

/// The raw tensors of a snapshot that is still being computed: they go to the run's file at once.
class BegunSnapshot {
 public:
  /// Whatever follows `begin` in the file is cut off.
  BegunSnapshot(std::shared_ptr<RawFile> file, int64_t begin);

  /// Room for one more tensor of a node.
  RawPlace make(const std::string& node, const std::string& tensor, const Shape& shape);
  int64_t end() const { return end_; }
  /// Syncs the file to the disk. Error, also where a value of an array is missing.
  RawTable finish();

 private:
  friend class RawPlace;
  void write(int64_t offset, std::span<const std::byte> bytes);

  std::shared_ptr<RawFile> file_;
  int64_t end_;
  RawTable table_;
  std::mutex mutex_;  // guards the table's pieces
};

}  // namespace quantdyn
