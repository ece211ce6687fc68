#include "experiments/table.h"

#include <algorithm>
#include <cmath>

#include "framework/error.h"

namespace quantdyn {
namespace {

bool is_number(const std::string& text) {
  return text == "-" || text == "inf" ||
         (!text.empty() && text.find_first_not_of("+-.,e%0123456789") == std::string::npos);
}

}  // namespace

std::string number_text(double value, int digits) {
  return std::isnan(value) ? "-" : fmt::format("{:.{}f}", value, digits);
}

std::string format_table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths(rows.front().size(), 0);
  std::vector<bool> right(rows.front().size(), true);
  for (size_t r = 0; r < rows.size(); ++r)
    for (size_t c = 0; c < rows[r].size(); ++c) {
      widths[c] = std::max(widths[c], rows[r][c].size());
      if (r > 0 && !is_number(rows[r][c])) right[c] = false;
    }
  std::string out;
  for (size_t r = 0; r < rows.size(); ++r) {
    std::string line;
    for (size_t c = 0; c < rows[r].size(); ++c)
      line += (c == 0 ? "" : "  ") + (right[c] ? fmt::format("{:>{}}", rows[r][c], widths[c])
                                               : fmt::format("{:<{}}", rows[r][c], widths[c]));
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
    if (r == 0) out += std::string(line.size(), '-') + "\n";
  }
  return out;
}

}  // namespace quantdyn
