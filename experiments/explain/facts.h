// What the rules see of a result: each layer's figures, by the names that they have in the file.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "experiments/results/snapshot_choice.h"

namespace quantdyn {

/// How one tensor of a layer is quantized; bit_width 0: it is not.
struct SchemeFacts {
  int bit_width = 0;
  int64_t entries = 0;  ///< 1: one range for all channels; 0: the file does not say
  double range = 0;     ///< width of that one range; NaN where there are several
  std::string scheme;   ///< estimator and quantizer, as YAML

  bool is_quantized() const { return bit_width > 0; }
};

/// One layer. Names are those of the file: "output/added_qmse"; with "float:" before them they are
/// of the float snapshot, else of the variant's.
struct LayerFacts {
  std::string name, kind;
  std::vector<int> inputs;  ///< places of the layers that it reads
  int64_t channels = 0;
  double elements = 0;  ///< values of one image's output
  SchemeFacts weight, output;
  std::map<std::string, double> values;
  std::map<std::string, std::vector<double>> channel_values;  ///< [channels]
  std::map<std::string, std::vector<double>> counts;          ///< [bins] of a histogram

  /// NaN if the file does not have it.
  double value(const std::string& quantity) const;
  /// Empty if the file does not have it.
  const std::vector<double>& channel(const std::string& quantity) const;
  bool has(const std::string& quantity) const;
};

/// The net: one float snapshot beside one of a variant.
struct NetFacts {
  std::string file, experiment;
  SnapshotLabel of_float, of_variant;
  std::vector<LayerFacts> layers;
  std::map<std::string, double> float_values, values;  ///< networkwise
  int64_t test_images = 0;                             ///< 0: the file does not say
  std::vector<double> bin_lower, bin_upper;            ///< edges of the histograms

  double value(const std::string& name) const;
  double float_value(const std::string& name) const;
};

/// Reads the figures. ConfigError: no variant in the file, or one without tracked errors; the
/// message says what to track.
NetFacts facts_of(const ResultReader& result, const SnapshotLabel& variant);

/// The snapshot in float that one of a variant is read beside: of the same step, else the first.
const SnapshotLabel& float_beside(const ResultReader& result, const SnapshotLabel& variant);

/// The variant to explain: the named one, else the one that loses most. ConfigError if there is
/// none.
const SnapshotLabel& explained_variant(const ResultReader& result,
                                       const std::optional<std::string>& name);

}  // namespace quantdyn
