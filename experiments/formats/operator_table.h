// The operators of each foreign format that importers take, and what each becomes in a net.
#pragma once

#include <span>
#include <string>
#include <vector>

namespace quantdyn {

enum class Format { keras, onnx };

/// One row of a format's README.
struct OperatorRow {
  Format format;
  const char* operators;  ///< Keras' classes or ONNX's operators: "ReLU, LeakyReLU"
  const char* becomes;    ///< layers of a net in backticks, or a sentence
  const char* accepted;   ///< which options; empty: all
};

/// All rows, format by format.
std::span<const OperatorRow> operator_table();

/// Every operator of a format, in alphabetical order.
std::vector<std::string> operators_of(Format format);
/// The same for error messages: "Add, AveragePool, ...".
std::string operator_names(Format format);
/// A format's rows as the table in its room's README.
std::string operator_markdown(Format format);

}  // namespace quantdyn
