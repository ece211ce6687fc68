// The table that answers first: one row for each quantized variant of one or more results.
#pragma once

#include <filesystem>
#include <span>
#include <string>

namespace quantdyn {

/// experiment, variant, float accuracy, quantized accuracy, relative decrease, average channel
/// precision (mean over convolutions, folded weights) and SQNR of the logits; a result without
/// variants has one row, of the float net. Error as ResultReader.
std::string summary_table(std::span<const std::filesystem::path> results);

}  // namespace quantdyn
