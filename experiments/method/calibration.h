// Calibration: shows activations to a variant's range estimators.
#pragma once

#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "data/image_set.h"
#include "framework/base/rng.h"
#include "framework/run/image_batches.h"
#include "quant/schemes/quantize.h"
#include "quant/variants/variant.h"

namespace quantdyn {

/// Indices of the training images for calibration; shuffles are drawn from `rng`. Throws
/// ConfigError if a balanced choice has no labels, or too few images of a class.
std::vector<int64_t> chosen_images(const CalibrationChoice& choice, const Dataset& training,
                                   const Rng& rng);
/// The batches in which a set is evaluated; the set must outlive the result.
ImageBatches batches_of(const ImageSet& images);

/// Ranges of the outputs of one net, so that variants that ask for the same share one calibration.
class KnownRanges {
 public:
  /// Null: not known. `channels` are the unit's.
  const std::vector<Range>* find(const ImageSet& images, int unit, int64_t channels,
                                 const Scheme& scheme) const;
  void add(const ImageSet& images, int unit, int64_t channels, const Scheme& scheme,
           std::vector<Range> ranges);

 private:
  /// Images, unit, channels of an entry, and what else decides the ranges.
  using Key = std::tuple<std::vector<int64_t>, int, int64_t, std::string>;
  static Key key(const ImageSet& images, int unit, int64_t channels, const Scheme& scheme);

  std::map<Key, std::vector<Range>> ranges_;
};

/// Fits the variant's quantizers to the outputs of a net without transforms, by unit. Estimators
/// that ask for more passes get them. Throws Error, naming node and image, if a value is NaN or
/// infinite. `known`, if given, are ranges of this net: they are used, and others are added.
std::map<int, QuantizedTensor> calibrate(Evaluator& net, const Variant& variant,
                                         const ImageSet& images, KnownRanges* known = nullptr);

/// How ranges converge: those from the first `images[i]` calibration images, by unit.
struct Convergence {
  std::vector<int64_t> images;
  std::map<int, std::vector<std::vector<Range>>> ranges;  ///< by unit: by i, by entry
};
/// Calibrates once for each of the variant's numbers of images, and keeps only the ranges.
Convergence converging_ranges(Evaluator& net, const Variant& variant, const ImageSet& images,
                              const WorkNote& note);

}  // namespace quantdyn
