// Why a variant loses what it loses: the verdict, the layers by cost, causes and repairs.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "experiments/explain/rule.h"
#include "experiments/explain/verdict.h"

namespace quantdyn {

/// What a counterfactual run gave.
struct Measured {
  double logits_sqnr, accuracy;  ///< dB; NaN without labels
};

/// A cause, and what its repair would gain.
struct Cause {
  Finding finding;
  double gain = 0;  ///< predicted, dB of the logits' SQNR; NaN without a remedy
  std::optional<Measured> measured = {};
  std::string not_measured = {};  ///< why a counterfactual could not run
};

/// A layer by what it costs.
struct LayerCost {
  size_t layer;
  double added;        ///< the share of the logits' squared error that it added (ErrorFlow)
  double through;      ///< the share that came through its output
  double sensitivity;  ///< share that goes if its tensors are left in float; NaN: not tracked
  double cost;         ///< the one that ranks
  std::vector<Cause> causes = {};
};

/// The cause with the largest predicted gain; null if no cause has a remedy.
const Cause* best_cause(const LayerCost& layer);

struct Explanation {
  NetFacts net;
  Thresholds thresholds;
  Verdict verdict;
  bool is_by_sensitivity = false;  ///< what ranks
  std::vector<LayerCost> layers;   ///< the costliest first; none of a net that diverged
  /// Findings about single channels in layers that have no causes above, in the net's order.
  std::vector<std::pair<size_t, Finding>> elsewhere;
  /// Rules that could not be asked, and what the file lacks for them.
  std::vector<std::pair<std::string, std::vector<std::string>>> not_asked;
  std::optional<Measured> unrepaired;    ///< of the counterfactuals, on their images
  std::optional<Measured> all_repaired;  ///< every repair that was named, together
  int64_t counterfactual_images = 0;

  /// Predicted with the best repair of every layer, dB; each takes away its layer's own error only,
  /// because what reaches a layer is repaired before it.
  double gain_of_all() const;
};

/// Asks the rules of the `worst` costliest layers whose cost is at least the threshold `share`.
Explanation explain(NetFacts net, const Thresholds& thresholds, int64_t worst);

}  // namespace quantdyn
