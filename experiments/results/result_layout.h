// The groups, axes and labels of a result file; the same for a snapshot's own file and for the
// whole.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "experiments/results/result.h"
#include "framework/h5/h5.h"

namespace quantdyn {

/// The file's dimension scales and their label arrays, all in the root group.
class ResultAxes {
 public:
  ResultAxes(h5::File& file, const RunFacts& facts, std::span<const SnapshotLabel> snapshots,
             int64_t training_rows);

  int64_t size(const std::string& axis) const;
  /// Creates an array of `group` over these axes: scales attached, scales and labels linked into
  /// the group, attributes written. Throws Error for an axis that the run does not have.
  h5::Dataset make(h5::Group& group, const Quantity& quantity, h5::Type type,
                   std::span<const std::string> axes, const h5::Storage& storage = {}) const;
  /// The same for texts over one axis.
  h5::Dataset make_texts(h5::Group& group, const Quantity& quantity, const std::string& axis,
                         std::span<const std::string> values) const;

 private:
  struct Axis {
    h5::Dataset scale;
    std::vector<std::pair<std::string, h5::Dataset>> labels;
  };
  void add(const std::string& name, const std::string& long_name, h5::Dataset scale);
  void add_label(const std::string& axis, const Quantity& quantity, h5::Dataset label);
  void join(h5::Group& group, h5::Dataset& array, const Quantity& quantity,
            std::span<const std::string> axes) const;

  std::map<std::string, Axis> axes_;
};

/// Writes units, long_name and formula.
void describe(h5::Object& array, const Quantity& quantity);
void set_fact(h5::Object& object, const std::string& name, const Fact& fact);

/// Root attributes except `status`, /config and /provenance.
void write_run_facts(h5::File& file, const RunFacts& facts);
/// write_run_facts(), /network and /training.
void write_facts(h5::File& file, const RunFacts& facts, const ResultAxes& axes,
                 std::span<const TrainingRow> training);
void write_weights(h5::File& file, int64_t snapshot, std::span<const SavedParameter> weights);
/// Makes /tensors/<snapshot>/<node>/<tensor>, without scales, of values that are in the file
/// already; before anything else in it.
void adopt_tensors(h5::File& file, int64_t snapshot, const RawTable& tensors);
/// Below /quantization/<variant>, whose attribute `snapshot` says when these codes were used.
void write_quantization(h5::File& file, const SnapshotLabel& snapshot,
                        std::span<const QuantizationEntry> entries,
                        std::span<const ReplacedActivation> replaced);

}  // namespace quantdyn
