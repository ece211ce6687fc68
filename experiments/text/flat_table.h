// A table of named columns, for other programs to read: CSV and JSON.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace quantdyn {

struct FlatColumn {
  std::string name, long_name;
  std::variant<std::vector<std::string>, std::vector<int64_t>, std::vector<double>> values;
};

/// Columns of one length.
using FlatTable = std::vector<FlatColumn>;

/// Quoted as RFC 4180 says, lines end in "\n", NaN as "nan"; a number is the shortest text that
/// reads as the same double.
std::string as_csv(const FlatTable& table);
/// A list of objects, a row each; NaN is null, an infinity the text "inf" or "-inf".
std::string as_json(const FlatTable& table);

}  // namespace quantdyn
