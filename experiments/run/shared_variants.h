// Variants quantized by several ranks: each makes some of them, rank 0 gets all.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "experiments/run/variant_maker.h"

namespace quantdyn {

/// What came of a variant.
struct VariantOutcome {
  std::optional<Snapshot> snapshot;  ///< none: it failed
  std::string failure;               ///< why
  double seconds = 0;                ///< that it took
};

/// What comes of `make`, whose errors become the failure. Stopped and DataError, which would end
/// every other variant, too, it throws.
VariantOutcome outcome_of(const std::function<Snapshot()>& make);

/// Whether ranks share the variants at this step. Raw tensors go from the kernels to the file, so
/// rank 0 makes variants that keep them.
bool are_variants_shared(const Experiment& experiment, int64_t step);
/// Who makes the variant with this index, if they are shared from `first` on: rank by rank.
int maker_of(size_t variant, size_t first);

/// Rank 0, on the step where the net is: lets the others make variants from `first` on.
void give_variants(Experiment& experiment, VariantMaker& maker, const VariantMaker::Place& place,
                   size_t first);
/// Rank 0: what has come of the next variant that a rank makes. Waiting ends by what `meanwhile`
/// throws.
VariantOutcome take_variant(const Experiment& experiment, int rank,
                            const std::function<void()>& meanwhile);
/// The other ranks, after training: their variants of those that rank 0 gives.
void make_variants_along(Experiment& experiment);

}  // namespace quantdyn
