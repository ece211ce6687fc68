// The statistics of a result file: one array per quantity over all snapshots, written row by row.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "experiments/results/result_layout.h"

namespace quantdyn {

/// One array of the file: its place, its content, and the layout of one snapshot's row.
struct StatisticArray {
  Quantity quantity;
  std::string group;              ///< "layerwise/output"
  std::vector<std::string> axes;  ///< after `snapshot`
  h5::Type type;

  /// Of one entry of a Frame: layers float64 and uint64, channels float32 and uint32.
  explicit StatisticArray(const Frame::Array& array);
  /// As it lies in a snapshot's own file.
  StatisticArray(const std::string& path, const h5::Dataset& array);
};

/// By path, as in Frame::arrays().
using StatisticCatalogue = std::map<std::string, StatisticArray>;

/// Adds a frame's arrays; Error if one differs in type or axes from an array that is there.
void add_to_catalogue(StatisticCatalogue& catalogue, const Frame& frame);
/// Adds the arrays of a snapshot's own file that the catalogue does not have yet.
void add_to_catalogue(StatisticCatalogue& catalogue, const h5::File& snapshot);

/// Writes all arrays of a catalogue, one snapshot after the other.
class StatisticsWriter {
 public:
  /// Copies one snapshot's row of the array at `path` to `row`; false if the snapshot has none.
  using Source =
      std::function<bool(const std::string& path, h5::Type type, std::span<std::byte> row)>;

  StatisticsWriter(h5::File& file, const ResultAxes& axes, const StatisticCatalogue& catalogue);
  /// Rows that the source lacks are NaN, counts 0.
  void append(const Source& source);
  /// Rows of a snapshot's own file; a row of whole chunks is not inflated on its way.
  void append(const h5::File& snapshot);
  /// Writes what is still in memory; every snapshot must have been appended.
  void finish();

 private:
  /// Rows wait here until they fill whole chunks, so that no chunk is compressed twice.
  struct Series {
    h5::Dataset array;
    h5::Type type;
    int64_t block_rows;
    size_t row_bytes;
    int64_t written = 0;
    std::vector<std::byte> block;

    void append(const std::string& path, const Source& source);
    void flush();
  };

  std::map<std::string, Series> series_;
};

/// Rows of a frame; Error if a channel's count does not fit uint32.
StatisticsWriter::Source rows_of(const Frame& frame);
/// Rows of a snapshot's own file; Error if one has another size than asked for.
StatisticsWriter::Source rows_of(const h5::File& snapshot);

}  // namespace quantdyn
