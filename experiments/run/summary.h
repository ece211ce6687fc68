// The main numbers: one row for each quantized variant of a result.
#pragma once

#include <string>
#include <vector>

#include "experiments/results/result_reader.h"

namespace quantdyn {

/// A row of the table of variants; NaN if the result has no such number.
struct VariantSummary {
  std::string experiment, variant;  ///< experiment: "dws (ended early)" where it is not whole
  double float_accuracy;
  double accuracy;                    ///< quantized
  double relative_accuracy_decrease;  ///< of the accuracy, due to quantization
  double average_channel_precision;   ///< mean over convolutions, folded weights
  double logits_sqnr;                 ///< dB
};

/// The variants at the last step of a result, in its order. For a result without variants, one row
/// with the variant "float32".
std::vector<VariantSummary> summary_of(const ResultReader& result);

}  // namespace quantdyn
