#include "experiments/commands/summary_table.h"

#include "experiments/results/result.h"
#include "experiments/text/table.h"

namespace quantdyn {

std::string summary_table(std::span<const VariantSummary> rows) {
  std::vector<std::vector<std::string>> texts{{"experiment", "variant", "float accuracy",
                                               "quantized accuracy", "relative decrease",
                                               "channel precision", "SQNR of logits / dB"}};
  for (const VariantSummary& row : rows)
    texts.push_back({row.experiment, row.variant == float_variant ? "-" : row.variant,
                     number_text(row.float_accuracy, 4), number_text(row.accuracy, 4),
                     number_text(row.relative_accuracy_decrease, 4),
                     number_text(row.average_channel_precision, 3),
                     number_text(row.logits_sqnr, 1)});
  return format_table(texts);
}

}  // namespace quantdyn
