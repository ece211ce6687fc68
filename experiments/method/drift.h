// Drift over a run: each float snapshot compared with the first one and the previous one.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "framework/base/state.h"
#include "framework/graph/network.h"
#include "framework/h5/frame.h"
#include "stats/distances/drift.h"

namespace quantdyn {

/// Sees the float snapshots of a run in turn. Writes into each how far its weights, and the
/// distributions of weight and output, are from the start and from the previous snapshot.
///
/// The start is the run's first snapshot, wherever its weights come from; its own distance from the
/// start is 0, from a previous one NaN. Keeps the weights and layer histograms of two snapshots.
class Drift {
 public:
  /// `frame` holds the statistics of `network` as it is now.
  void add(const Network& network, Frame& frame);
  void visit_state(const Network& network, StateVisitor state);

 private:
  struct Moment {
    std::map<int64_t, std::vector<float>> weights;  // by node of the file
    std::map<std::pair<std::string, int64_t>, KeptDistribution> distributions;
  };
  static Moment moment_of(const Network& network, const Frame& frame);
  static void visit(std::optional<Moment>& moment, const Network& network, StateVisitor state);
  static void save(const Moment& now, const Moment* before, const std::string& since, Frame& frame);

  std::optional<Moment> start_, previous_;
};

}  // namespace quantdyn
