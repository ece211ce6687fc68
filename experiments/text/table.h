// Tables as text: aligned columns under a header.
#pragma once

#include <string>
#include <vector>

namespace quantdyn {

/// Rows of texts; the first row is the header, whose texts may have several lines. Columns whose
/// entries are all numbers are aligned to the right.
std::string format_table(const std::vector<std::vector<std::string>>& rows);

/// The same in blocks below each other, each at most `width` characters wide if its columns fit.
/// The first column begins every block; `group` columns after it stay together.
std::string format_wide_table(const std::vector<std::vector<std::string>>& rows, size_t width = 110,
                              size_t group = 1);

/// A quantity's name as a narrow header: broken at '_', below it the unit where there is one.
std::string column_title(const std::string& name, const std::string& units);

/// Four significant digits; "-" for NaN.
std::string short_number(double value);

/// The width of a text on a terminal: its UTF-8 characters.
size_t places(const std::string& text);

/// `value` with `digits` after the point; "-" for NaN.
std::string number_text(double value, int digits);

/// "0:34", "1:02:03".
std::string time_text(double seconds);

}  // namespace quantdyn
