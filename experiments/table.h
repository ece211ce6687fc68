// Tables for a terminal: aligned columns under a header.
#pragma once

#include <string>
#include <vector>

namespace quantdyn {

/// Rows of texts; the first row is the header. Columns whose entries are all numbers are aligned to
/// the right.
std::string format_table(const std::vector<std::vector<std::string>>& rows);

/// `value` with `digits` behind the point; "-" for NaN.
std::string number_text(double value, int digits);

}  // namespace quantdyn
