// An explanation as one page of text, and as JSON.
#pragma once

#include <string>

#include "experiments/explain/explanation.h"

namespace quantdyn {

enum class Causes {
  where_needed,  ///< only of a net that loses accuracy
  always
};

/// The verdict first, then a table of the `rows` costliest layers, then causes and repairs.
std::string page_of(const Explanation& explanation, int64_t rows, Causes causes);

/// A table of the `rows` costliest layers: share of the logits' error, SQNRs of their outputs.
std::string table_of_worst(const Explanation& explanation, int64_t rows);

/// The same and all layers as JSON, keys as in experiments/explain/README.md; NaN is null.
std::string json_of(const Explanation& explanation);

}  // namespace quantdyn
