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

/// Who makes the variant with this index, if they are shared from `first` on: rank by rank.
int maker_of(size_t variant, size_t first);

/// All ranks, which are at this step and share its variants: gives rank 0's `first` to all, and
/// lets them have the float net's predictions.
void begin_variants(VariantMaker& maker, int64_t step, size_t& first);
/// Rank 0: what has come of the next variant that a rank makes. Waiting ends by what `meanwhile`
/// throws.
VariantOutcome take_variant(const Experiment& experiment, int rank,
                            const std::function<void()>& meanwhile);
/// The other ranks, after training: their variants.
void make_variants_along(const Experiment& experiment, VariantMaker& maker,
                         const VariantMaker::Place& place);

}  // namespace quantdyn
