#include "experiments/text/table.h"

#include <algorithm>
#include <cmath>
#include <sstream>

#include "framework/base/error.h"
#include "framework/base/printable.h"

namespace quantdyn {
namespace {

using Row = std::vector<std::string>;
using Rows = std::vector<Row>;

bool is_number(const std::string& text) {
  return text == "-" || text == "inf" || text == "-inf" ||
         (!text.empty() && text.find_first_not_of("+-.,e% 0123456789") == std::string::npos &&
          text.find_first_of("0123456789") != std::string::npos);
}

/// A header of several lines as rows of one line each; short texts are at the bottom.
Rows header_lines(const Row& header) {
  std::vector<Row> cells;
  size_t height = 1;
  for (const std::string& text : header) {
    Row lines;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    height = std::max(height, lines.size());
    cells.push_back(std::move(lines));
  }
  Rows out(height, Row(header.size()));
  for (size_t c = 0; c < cells.size(); ++c)
    for (size_t l = 0; l < cells[c].size(); ++l) out[height - cells[c].size() + l][c] = cells[c][l];
  return out;
}

std::vector<size_t> widths_of(const Rows& rows) {
  std::vector<size_t> widths(rows.front().size(), 0);
  for (size_t r = 0; r < rows.size(); ++r)
    for (const Row& line : r == 0 ? header_lines(rows[0]) : Rows{rows[r]})
      for (size_t c = 0; c < line.size(); ++c) widths[c] = std::max(widths[c], places(line[c]));
  return widths;
}

std::string line_of(const Row& row, const std::vector<size_t>& widths,
                    const std::vector<bool>& right) {
  std::string line;
  for (size_t c = 0; c < row.size(); ++c) {
    const std::string gap(widths[c] - places(row[c]), ' ');
    line += (c == 0 ? "" : "  ") + (right[c] ? gap + row[c] : row[c] + gap);
  }
  line.erase(line.find_last_not_of(' ') + 1);
  return line + "\n";
}

/// Names come from files: one with a line end must not pass for two rows.
Rows in_one_line_each(const Rows& rows) {
  Rows out = rows;
  for (size_t r = 1; r < out.size(); ++r)
    for (std::string& cell : out[r]) cell = quotable(cell);
  return out;
}

}  // namespace

size_t places(const std::string& text) {
  return static_cast<size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string number_text(double value, int digits) {
  return std::isnan(value) ? "-" : fmt::format("{:.{}f}", value, digits);
}

std::string short_number(double value) {
  return std::isnan(value) ? "-" : fmt::format("{:.4g}", value);
}

std::string column_title(const std::string& name, const std::string& units) {
  std::string out = name;
  std::ranges::replace(out, '_', '\n');
  return units.empty() || units == "1" ? out : out + "\n/ " + units;
}

std::string format_table(const Rows& given) {
  const Rows rows = in_one_line_each(given);
  const std::vector<size_t> widths = widths_of(rows);
  std::vector<bool> right(rows.front().size(), true);
  for (size_t r = 1; r < rows.size(); ++r)
    for (size_t c = 0; c < rows[r].size(); ++c)
      if (!is_number(rows[r][c])) right[c] = false;
  std::string out;
  size_t longest = 0;
  for (const Row& line : header_lines(rows[0])) {
    const std::string text = line_of(line, widths, right);
    longest = std::max(longest, places(text) - 1);
    out += text;
  }
  out += std::string(longest, '-') + "\n";
  for (size_t r = 1; r < rows.size(); ++r) out += line_of(rows[r], widths, right);
  return out;
}

std::string format_wide_table(const Rows& rows, size_t width, size_t group) {
  const std::vector<size_t> widths = widths_of(rows);
  std::string out;
  for (size_t first = 1; first < widths.size();) {
    size_t end = first, used = widths[0];
    while (end < widths.size()) {
      const size_t next = std::min(end + group, widths.size());
      size_t more = 0;
      for (size_t c = end; c < next; ++c) more += 2 + widths[c];
      if (end > first && used + more > width) break;
      used += more;
      end = next;
    }
    Rows block;
    for (const Row& row : rows) {
      block.push_back({row[0]});
      block.back().insert(block.back().end(), row.begin() + static_cast<std::ptrdiff_t>(first),
                          row.begin() + static_cast<std::ptrdiff_t>(end));
    }
    if (first > 1) out += "\n";
    out += format_table(block);
    first = end;
  }
  return out;
}

std::string time_text(double seconds) {
  const int64_t s = std::llround(seconds);
  return s >= 3600 ? fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60)
                   : fmt::format("{}:{:02}", s / 60, s % 60);
}

}  // namespace quantdyn
