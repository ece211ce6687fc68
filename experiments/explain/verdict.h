// The one sentence about the net: whether this variant keeps its accuracy.
#pragma once

#include <string>

#include "experiments/explain/facts.h"
#include "experiments/explain/thresholds.h"

namespace quantdyn {

struct Verdict {
  enum class Kind {
    keeps,     ///< loses at most `small_loss`, or less than these images can show
    loses,     ///< between the thresholds
    badly,     ///< at least `large_loss`
    diverged,  ///< logits that are NaN or infinite
    unknown    ///< neither accuracy nor agreement in the file; a large loss within the noise
  };
  Kind kind;
  std::string sentence;  ///< with the figures, without a full stop
  double loss = 0;       ///< relative; of a net without labels the share of changed decisions
  /// Two standard errors of the loss; NaN where the file does not say how many images there are.
  double noise = 0;
};
/// "keeps", "loses", ...
std::string to_string(Verdict::Kind kind);

/// The loss is relative_accuracy_decrease. Its standard error is at most sqrt(d / n) / accuracy, d
/// the share of the n images whose decision changed: only those can count for either side.
/// Without labels the loss is d.
Verdict verdict_of(const NetFacts& net, const Thresholds& thresholds);

}  // namespace quantdyn
